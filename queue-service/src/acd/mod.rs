//! Pure: which call goes to which agent, and why.
