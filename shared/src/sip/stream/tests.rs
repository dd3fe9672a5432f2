use super::*;

fn frames(chunks: &[&[u8]]) -> (Vec<Frame>, Option<FrameError>) {
    let mut framer = Framer::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

#[test]
fn cuts_at_any_chunk_size() {
    let stream = b"\r\n\r\nINFO sip:a SIP/2.0\r\nl : 5\r\n\r\nabcdeBYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n\r\nACK sip:a SIP/2.0\r\n\r\n";
    let expected = vec![
        Frame::Ping,
        Frame::Message(b"INFO sip:a SIP/2.0\r\nl : 5\r\n\r\nabcde".to_vec()),
        Frame::Message(b"BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Frame::Message(b"ACK sip:a SIP/2.0\r\n\r\n".to_vec()),
    ];
    for size in [1, 2, 3, 7, 64, 1000] {
        let chunks: Vec<&[u8]> = stream.chunks(size).collect();
        assert_eq!(frames(&chunks), (expected.clone(), None), "{size}");
    }
}

#[test]
fn gives_up_on_what_has_no_end() {
    assert_eq!(frames(&[&vec![b'x'; MAX_HEAD_LEN + 5]]).1, Some(FrameError::Head));
    assert_eq!(frames(&[b"A b SIP/2.0\r\nl: -1\r\n\r\n"]).1, Some(FrameError::Length));
    assert_eq!(frames(&[b"A b SIP/2.0\r\nl: 99999999\r\n\r\n"]).1, Some(FrameError::Length));
    assert_eq!(frames(&[b"A b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n"]).1, Some(FrameError::Length));
}
