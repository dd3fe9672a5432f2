//! The contract of HTTP and WebSocket.
