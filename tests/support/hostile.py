"""Names that must not become paths as they are."""

from hypothesis import strategies as st

REFUSED = (
    "", ".", "..", "...", "../escape", "a/../../escape", "/tmp/escape", "a/b", "a\\b", "..\\escape", "C:escape",
    "a:stream", "nul", "NUL.txt", "com1", "LPT9 .x", "con", "aux.", "a\0b", "a\nb", "a\x1b[2J", "a\x7f", "a\u2028b",
    "end.", "end ", "end\u3000", ".hidden", "x" * 201, "ə" * 101, "\udcff", " ",
)  # fmt: skip
TAKEN = (
    "a", "A b", "ŋə", "naïve", "nai\u0308ve", "what?", "*", "<b>", "100%", "~", "-rf", "$HOME", "console", "x" * 200,
)  # fmt: skip

# Names of which some are refused, and some are one file where case or the form of letters does not count.
names = st.one_of(
    st.sampled_from(REFUSED),
    st.sampled_from(TAKEN),
    st.text(st.sampled_from("aAáá́ßs./\\: \0"), max_size=4),
    st.text(max_size=12),
)
