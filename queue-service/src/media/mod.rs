//! Media workers: ports, bridges, players, taps.
