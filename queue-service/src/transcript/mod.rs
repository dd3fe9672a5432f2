//! Transcription: jobs, utterances, the speech engine.
