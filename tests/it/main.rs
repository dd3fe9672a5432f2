//! Callfloor from outside: the real service as a process, real SIP and RTP, phones that listen, SIPp, baresip, Chromium.

mod api;
mod baresip;
mod bench;
mod carrier;
mod customer;
mod desk_phones;
mod edge_proxy;
mod floor;
mod hostile;
mod join;
mod killed;
mod leaks;
mod linphone;
mod live;
mod malformed;
mod noise;
mod odd_peers;
mod replaces;
mod show;
mod sipp;
mod start;
mod stop;
mod tidy;
mod torture;
mod trunk;
mod wallboard;
