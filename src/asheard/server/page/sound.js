// A recording in the page: its samples at 16 kHz, and playing a part of it.

export const RATE = 16000;

export class Sound {
  constructor(buffer) {
    this.buffer = buffer;
    this.samples = buffer.getChannelData(0);
    this.source = null;
  }

  // Decode any format that the browser knows.
  static async decode(blob) {
    const context = new OfflineAudioContext(1, 1, RATE);
    const decoded = await context.decodeAudioData(await blob.arrayBuffer());
    const mono = new OfflineAudioContext(1, decoded.length, RATE);
    const source = mono.createBufferSource();
    source.buffer = decoded;
    source.connect(mono.destination);
    source.start();
    return new Sound(await mono.startRendering());
  }

  get duration() {
    return this.buffer.duration;
  }

  play(start = 0, end = this.duration) {
    this.source?.stop();
    Sound.output ??= new AudioContext();
    Sound.output.resume();
    this.source = Sound.output.createBufferSource();
    this.source.buffer = this.buffer;
    this.source.connect(Sound.output.destination);
    this.source.start(0, Math.max(0, start), Math.max(0.05, end - start));
  }
}
