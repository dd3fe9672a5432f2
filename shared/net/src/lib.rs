//! Drivers: byte movers around the pure SIP core, the API client and the live feed.
