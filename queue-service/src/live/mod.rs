//! The journal and the hub: number each event, fold it, send it.
