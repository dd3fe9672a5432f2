//! Nothing is allocated for a packet, in the relay, in the mix, recorded or encrypted: counted at the allocator itself.
//! Only the reports of RTCP, one in some seconds, are put together on the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use queue_service::clock;
use queue_service::media::{Media, MediaConfig};
use queue_service::recording::{Recorder, RecorderEvent, RecordingConfig};
use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::Frame;
use shared::audio::codec::Codec;
use shared::audio::mixer::{Role, Supervision};
use shared::audio::tone::Sine;
use shared::id::{CallId, LegId, RecordingId};
use shared::rtp::packet::{MAX_PACKET_BYTES, is_rtcp};
use shared::rtp::sender::{Config, Sender};
use shared::rtp::srtp::{Keys, MAX_OVERHEAD, Master, Outbound, Suite};
use shared::sdp::{Direction, Negotiated};
use shared::time::Timestamp;
use tokio::sync::mpsc;

/// Counts what the threads of the media allocate, while it is told to.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(place, layout, size) }
    }
}

fn count() {
    if !COUNTS.load(Ordering::Relaxed) {
        return;
    }
    let mut name = [0u8; 16];
    // SAFETY: the name of a thread has at most 16 octets.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    if name.starts_with(b"media-") {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

/// What one report may take.
const ALLOCATIONS_EACH_REPORT: u64 = 8;

struct Phone {
    socket: UdpSocket,
    to: SocketAddr,
    sender: Sender,
    outbound: Option<Outbound>,
    tone: Sine,
    reports: u64,
}

impl Phone {
    fn speak(&mut self, tick: i64) {
        let mut frame = Frame::SILENCE;
        self.tone.fill(&mut frame.0);
        self.sender.push(Timestamp::from_micros(tick * 20_000), Some(&frame));
        let mut packet = [0; MAX_PACKET_BYTES + MAX_OVERHEAD];
        let mut len = self.sender.poll(&mut packet);
        if let Some(outbound) = &mut self.outbound {
            len = outbound.protect(&mut packet, len).expect("protected");
        }
        self.socket.send_to(&packet[..len], self.to).expect("sent");
        self.listen();
    }

    fn listen(&mut self) {
        let mut packet = [0; MAX_PACKET_BYTES + MAX_OVERHEAD];
        while let Ok(len) = self.socket.recv(&mut packet) {
            self.reports += u64::from(is_rtcp(&packet[..len]));
        }
    }
}

/// What a call has beside its legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Recorder,
    Srtp(Suite),
}

/// Any key will do.
fn master(suite: Suite, filling: u8) -> Master {
    Master::new(suite, &vec![filling; suite.key_bytes() + suite.salt_bytes()]).expect("a key")
}

fn negotiated(remote: SocketAddr, codec: Codec, with: With) -> Negotiated {
    let keys = match with {
        With::Srtp(suite) => Some(Keys { send: master(suite, 9), receive: master(suite, 7) }),
        With::Nothing | With::Recorder => None,
    };
    let payload_type = codec.static_payload_type().unwrap_or(111);
    Negotiated {
        remote,
        remote_rtcp: remote,
        rtcp_mux: true,
        codec,
        payload_type,
        receive: vec![(payload_type, codec)],
        telephone_event: None,
        comfort_noise: None,
        ptime_millis: 20,
        direction: Direction::SendRecv,
        hold: false,
        opus: Default::default(),
        keys,
    }
}

/// What the media allocates in two seconds of a call with these legs, after two seconds in which every buffer comes to
/// its size; and how many packets it took and reports it sent meanwhile.
fn allocations(legs: &[(Role, Codec)], with: With) -> (u64, u64, u64) {
    let (sender, mut events) = mpsc::channel(1_024);
    let config = MediaConfig { port_min: 32_000, port_max: 60_999, workers: 1, ..MediaConfig::default() };
    let media = Media::start(config, sender).expect("media");
    let bridge = media.open_bridge(CallId::from_u64(1));
    let folder = tempfile::tempdir().expect("folder");
    let recorder = (with == With::Recorder).then(|| {
        let (sealed, events) = mpsc::channel(16);
        let config = RecordingConfig { dir: folder.path().into(), sync_secs: 0 };
        let recorder = Recorder::start(config, sealed).expect("recorder");
        media.record(bridge, recorder.open(RecordingId::from_u64(1), CallId::from_u64(1), clock::now()));
        (recorder, events)
    });
    let mut phones = Vec::new();
    for (number, (role, codec)) in legs.iter().enumerate() {
        let leg = LegId::from_u64(number as u64 + 1);
        let local = media.open_port(bridge, leg, *role).expect("port");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let agreed = negotiated(socket.local_addr().expect("address"), *codec, with);
        let outbound = agreed.keys.as_ref().map(|keys| Outbound::new(keys.receive.clone()));
        let random = &mut StdRng::seed_from_u64(leg.as_u64());
        let sender = Sender::new(Config::from(&agreed), random).expect("sender");
        media.connect(leg, agreed);
        let to = SocketAddr::new(local.address, local.port);
        phones.push(Phone {
            socket,
            to,
            sender,
            outbound,
            tone: Sine::new(440.0, 16_000, -15.0),
            reports: 0,
        });
    }
    let began = Instant::now();
    let mut before = 0;
    for tick in 1..=200u32 {
        if tick == 100 {
            before = media.stats().packets_received;
            phones.iter_mut().for_each(|phone| phone.reports = 0);
            ALLOCATIONS.store(0, Ordering::Relaxed);
            COUNTS.store(true, Ordering::Relaxed);
        }
        for phone in &mut phones {
            phone.speak(tick.into());
        }
        std::thread::sleep(
            (began + Duration::from_millis(20) * tick).saturating_duration_since(Instant::now()),
        );
    }
    COUNTS.store(false, Ordering::Relaxed);
    let packets = media.stats().packets_received - before;
    while events.try_recv().is_ok() {}
    media.close_bridge(bridge);
    if let Some((recorder, mut sealed)) = recorder {
        assert!(recorder.shutdown(Duration::from_secs(10)));
        assert!(matches!(sealed.try_recv(), Ok(RecorderEvent::Sealed(_))), "it was recorded");
    }
    phones.iter_mut().for_each(Phone::listen);
    (ALLOCATIONS.load(Ordering::Relaxed), packets, phones.iter().map(|phone| phone.reports).sum())
}

/// One test: the count is of the whole process.
#[test]
fn no_packet_is_allocated_for() {
    let (customer, agent) = (Role::Customer, Role::Agent);
    let monitor = Role::Supervisor(Supervision::Monitor);
    let barge = Role::Supervisor(Supervision::Barge);
    let pair = &[(customer, Codec::Pcmu), (agent, Codec::Pcmu)][..];
    let three = &[(customer, Codec::Pcmu), (agent, Codec::Opus), (barge, Codec::Pcma)][..];
    for (legs, with) in [
        (pair, With::Nothing),
        (&[(customer, Codec::Opus), (agent, Codec::Opus)], With::Nothing),
        (&[(customer, Codec::Pcmu), (agent, Codec::Pcmu), (monitor, Codec::Pcma)], With::Nothing),
        (three, With::Nothing),
        (pair, With::Recorder),
        (three, With::Recorder),
        (pair, With::Srtp(Suite::AesCm128HmacSha1_80)),
        (pair, With::Srtp(Suite::AeadAes256Gcm)),
        (three, With::Srtp(Suite::AeadAes128Gcm)),
    ] {
        let (allocations, packets, reports) = allocations(legs, with);
        assert!(packets > 100, "{legs:?} with {with:?}: only {packets} packets");
        assert!(
            allocations <= reports * ALLOCATIONS_EACH_REPORT,
            "{legs:?} with {with:?}: {allocations} allocations, {packets} packets, {reports} reports"
        );
    }
}
