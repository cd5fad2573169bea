// The 40 phones, each with an example word.

const EXAMPLES = {
  p: "pen", b: "bad", t: "tea", d: "did", k: "cat", "ɡ": "get", "tʃ": "chin", "dʒ": "jam", f: "fall", v: "very",
  "θ": "think", "ð": "then", s: "so", z: "zoo", "ʃ": "she", "ʒ": "vision", h: "how", m: "man", n: "no", "ŋ": "sing",
  l: "leg", "ɹ": "red", w: "wet", j: "yes", i: "see", "ɪ": "sit", "eɪ": "day", "ɛ": "ten", "æ": "cat", "ɑ": "father",
  "ɔ": "saw", "oʊ": "go", "ʊ": "put", u: "too", "ʌ": "cup", "ə": "about", "ɝ": "fur", "aɪ": "five", "aʊ": "now",
  "ɔɪ": "join",
};

export const describePhone = (phone) => (EXAMPLES[phone] ? `${phone} as in ${EXAMPLES[phone]}` : phone);
