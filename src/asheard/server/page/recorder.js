// Record with the microphone. The samples stay in the page until the user asks the service about them.

import { encodeWav } from "./wav.js";

export class Recorder {
  // onLevel(peak, seconds) is called several times a second.
  constructor(onLevel) {
    this.onLevel = onLevel;
    this.context = null;
    this.opening = false; // the browser asks the user for permission
  }

  get running() {
    return this.context !== null;
  }

  async start() {
    if (!navigator.mediaDevices) throw new Error("The browser allows the microphone only on https:// and localhost.");
    this.opening = true;
    const context = new AudioContext();
    const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    try {
      await context.audioWorklet.addModule("/page/capture.js");
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    } catch (error) {
      await context.close();
      throw new Error(`The microphone cannot be used (${error.message}). Allow it in the browser, or choose a file.`);
    } finally {
      this.opening = false;
    }
    this.blocks = [];
    this.length = 0;
    const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => {
      this.blocks.push(data);
      this.length += data.length;
      if (this.blocks.length % 16 === 0) {
        this.onLevel(data.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0), this.length / context.sampleRate);
      }
    };
    context.createMediaStreamSource(this.stream).connect(capture);
    this.context = context;
  }

  // Stop, and return the recording as a WAV file.
  async stop() {
    const { sampleRate } = this.context;
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
    this.context = null;
    const samples = new Float32Array(this.length);
    let at = 0;
    for (const block of this.blocks) {
      samples.set(block, at);
      at += block.length;
    }
    return encodeWav(samples, sampleRate);
  }
}
