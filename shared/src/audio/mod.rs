//! Frames, codecs, the mixer and the hear matrix.
