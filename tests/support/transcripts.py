"""What a recogniser writes, without its posteriors."""


def transcripts(recogniser, waveforms, l1s=None):
    """The transcripts of waveforms, with the L1s of their speakers if they are known."""
    recognitions = recogniser.recognise(waveforms, l1s or [None] * len(waveforms))
    return [recognition.transcript for recognition in recognitions]
