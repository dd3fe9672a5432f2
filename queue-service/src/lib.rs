//! The queue service: signalling, routing, media, recording, transcription and live numbers.
