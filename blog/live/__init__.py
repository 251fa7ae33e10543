"""The numbers on an open page: who is counted, in which words, and the stream that carries them."""
