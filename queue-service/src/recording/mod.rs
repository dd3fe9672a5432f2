//! Recordings: written as they happen, valid at any cut, sealed at the end.
