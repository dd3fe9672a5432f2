//! How long one message takes to be read, looked at, and written: a typical INVITE of thirteen headers with an offer.
//!
//! `cargo bench -p shared --bench sip_message`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shared::sip::message::Message;
use shared::sip::stream::Framer;
use shared::sip::wire;

/// What a trunk sends: thirteen headers, Content-Length among them, and an offer of two codecs.
fn invite() -> Vec<u8> {
    let offer = "v=0\r\no=- 3908721 3908721 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 40020 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    format!(
        "INVITE sip:+4930123456@198.51.100.5:5060;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1d32hash4;rport\r\n\
         Max-Forwards: 69\r\n\
         From: \"Ada Lovelace\" <sip:+4415550100@carrier.example;user=phone>;tag=gK0a1b2c3d\r\n\
         To: <sip:+4930123456@198.51.100.5;user=phone>\r\n\
         Call-ID: 1234567_890abcdef@192.0.2.10\r\n\
         CSeq: 812739 INVITE\r\n\
         Contact: <sip:+4415550100@192.0.2.10:5060;transport=udp>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO\r\n\
         Supported: timer, 100rel, replaces\r\n\
         Session-Expires: 1800;refresher=uac\r\n\
         User-Agent: Carrier Gateway 7.2.1\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{offer}",
        offer.len()
    )
    .into_bytes()
}

fn message(criterion: &mut Criterion) {
    let bytes = invite();
    let reading = wire::read(&bytes).expect("a message");
    assert_eq!(reading.fault, None);
    let Message::Request(request) = reading.message else { panic!("a request") };
    assert_eq!(request.headers.len(), 12, "thirteen with Content-Length");
    let response = request.reply(200, "", Some("a7b8c9d0"));

    let mut group = criterion.benchmark_group("sip_message");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse", |bench| bench.iter(|| wire::read(black_box(&bytes))));
    group.bench_function("print", |bench| bench.iter(|| wire::write_request(black_box(&request))));
    group.bench_function("print_response", |bench| bench.iter(|| wire::write_response(black_box(&response))));
    group.bench_function("reply", |bench| {
        bench.iter(|| black_box(&request).reply(200, "", Some("a7b8c9d0")));
    });
    group.bench_function("clone", |bench| bench.iter(|| black_box(&request).clone()));
    group.bench_function("get_last_header", |bench| {
        bench.iter(|| black_box(&request).headers.get(black_box("User-Agent")).map(str::len));
    });
    group.bench_function("typed_views", |bench| {
        bench.iter(|| {
            let headers = &black_box(&request).headers;
            (headers.via(), headers.address("From"), headers.address("To"), headers.cseq())
        });
    });
    group.bench_function("frame_and_parse", |bench| {
        let mut framer = Framer::default();
        bench.iter(|| {
            framer.push(black_box(&bytes));
            match framer.next_frame() {
                Ok(Some(shared::sip::stream::Frame::Message(message))) => wire::read(&message),
                other => panic!("{other:?}"),
            }
        });
    });
    group.finish();
}

fn sdp(criterion: &mut Criterion) {
    let bytes = invite();
    let at = bytes.windows(4).position(|window| window == b"v=0\r").expect("the offer");
    let offer = &bytes[at..];
    criterion
        .bench_function("sdp/parse", |bench| bench.iter(|| shared::sdp::Session::parse(black_box(offer))));
}

criterion_group!(benches, message, sdp);
criterion_main!(benches);
