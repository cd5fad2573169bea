// The service: one function for each route. An ApiError carries the sentence of the service.

let token = sessionStorage.getItem("token") || "";

export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export function setToken(given) {
  token = given;
  sessionStorage.setItem("token", given);
}

async function request(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The service does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, body.detail || `The service answered with status ${answer.status}.`);
}

const get = async (path) => (await request(path)).json();

async function post(path, audio, fields, signal) {
  const form = new FormData();
  form.append("audio", audio);
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) if (one) form.append(name, one);
  }
  return (await request(path, { method: "POST", body: form, signal })).json();
}

export const health = () => get("/health");
export const models = () => get("/models");
export const studies = () => get("/studies");
export const study = (name) => get(`/studies/${encodeURIComponent(name)}`);
export const transcribe = (audio, fields, signal) => post("/transcribe", audio, fields, signal);
export const compare = (audio, fields, signal) => post("/compare", audio, fields, signal);
export const score = (audio, fields, signal) => post("/score", audio, fields, signal);

// The URL of a study's file in the page's memory, because <img> and <a> cannot send the token.
async function file(study, kind, name) {
  const path = `/studies/${encodeURIComponent(study)}/${kind}/${encodeURIComponent(name)}`;
  return URL.createObjectURL(await (await request(path)).blob());
}

export const plot = (study, name) => file(study, "plots", name);
export const table = (study, name) => file(study, "tables", name);
