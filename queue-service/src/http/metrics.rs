//! What monitoring asks: `/healthz` and `/metrics`.

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::api::defence::DefenceReport;
use shared::api::trunks::TrunkReport;
use shared::model::call::{Phase, QueueExit};

use super::Api;
use crate::clock;
use crate::live::Buckets;

/// Answer of `/healthz`.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    seq: u64,
    /// What is wrong, a sentence each.
    faults: Vec<String>,
}

/// 200 while calls can be taken and facts be written down, 503 with the reasons otherwise.
pub(super) async fn health(State(api): State<Api>) -> Response {
    let mut faults = Vec::new();
    if let Err(reason) = api.parts.hub.health() {
        faults.push(format!("the journal cannot be written: {reason}"));
    } else if let Err(error) = api.parts.store.meta().probe().await {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        faults.push(format!("the database cannot be written: {reason}"));
    }
    if api.parts.stop.is_cancelled() {
        faults.push("the service is stopping".into());
    }
    let well = faults.is_empty();
    let body = Health {
        status: if well { "ok" } else { "failing" },
        version: env!("CARGO_PKG_VERSION"),
        seq: api.parts.hub.last_seq(),
        faults,
    };
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

/// Numbers in the text format of Prometheus.
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let mut page = Page::default();
    totals(&api, &mut page);
    floor(&api, &mut page);
    media(&api, &mut page);
    sip(&api, &mut page);
    // While the switch stops there are no trunks to tell of.
    trunks(&super::trunks::reports(&api).await.unwrap_or_default(), &mut page);
    if let Ok(report) = super::defence::current(&api).await {
        door(&report, &mut page);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.text).into_response()
}

fn totals(api: &Api, page: &mut Page) {
    let hub = &api.parts.hub;
    let totals = hub.totals();
    for (name, kind, help, value) in [
        ("callfloor_events_total", "counter", "Events published since the start.", totals.events),
        ("callfloor_calls_arrived_total", "counter", "Calls that arrived.", totals.calls_arrived),
        ("callfloor_calls_ended_total", "counter", "Calls that ended.", totals.calls_ended),
        ("callfloor_offers_total", "counter", "Offers of calls to agents.", totals.offers),
        ("callfloor_recordings_sealed_total", "counter", "Recordings sealed.", totals.recordings_sealed),
        ("callfloor_transcripts_made_total", "counter", "Transcripts made.", totals.transcripts_made),
        ("callfloor_journal_seq", "gauge", "Number of the last event.", hub.last_seq()),
        ("callfloor_journal_durable_seq", "gauge", "Last event on the disk.", hub.durable_seq()),
        (
            "callfloor_journal_failing",
            "gauge",
            "1 while it cannot be written.",
            u64::from(hub.health().is_err()),
        ),
        ("callfloor_config_version", "gauge", "Number of the configuration.", hub.config_version()),
        ("callfloor_live_feeds", "gauge", "Live feeds connected.", u64::from(api.presence.count())),
    ] {
        page.head(name, kind, help);
        page.line(name, &[], value as f64);
    }
    let name = "callfloor_queue_exits_total";
    page.head(name, "counter", "Calls that left a queue, by way out.");
    for ((queue, exit), count) in &totals.exits {
        page.line(name, &[("queue", queue.as_str()), ("exit", &word(*exit))], *count as f64);
    }
    for (name, help, buckets) in [
        ("callfloor_wait_seconds", "Waits of answered calls.", &totals.wait),
        ("callfloor_talk_seconds", "Talk times, with hold.", &totals.talk),
        ("callfloor_setup_seconds", "From the agent's answer to the open audio path.", &totals.setup),
    ] {
        page.histogram(name, help, buckets);
    }
}

fn media(api: &Api, page: &mut Page) {
    let stats = (api.parts.media)();
    for (name, kind, help, value) in [
        ("callfloor_media_workers", "gauge", "Threads that move packets.", stats.workers),
        ("callfloor_media_bridges", "gauge", "Bridges open.", stats.bridges),
        (
            "callfloor_media_bridges_relaying",
            "gauge",
            "Bridges that forward packets undecoded.",
            stats.relaying,
        ),
        ("callfloor_media_ports", "gauge", "Ports open.", stats.ports),
        ("callfloor_media_packets_sent_total", "counter", "RTP packets sent.", stats.packets_sent),
        ("callfloor_media_packets_received_total", "counter", "RTP packets taken.", stats.packets_received),
        ("callfloor_media_packets_foreign_total", "counter", "From a wrong address.", stats.packets_foreign),
        ("callfloor_media_packets_malformed_total", "counter", "No RTP or RTCP.", stats.packets_malformed),
        (
            "callfloor_media_packets_unauthentic_total",
            "counter",
            "Refused by SRTP.",
            stats.packets_unauthentic,
        ),
        ("callfloor_media_send_errors_total", "counter", "Not taken by the system.", stats.send_errors),
        (
            "callfloor_media_ticks_late_total",
            "counter",
            "Frames a worker was too late for.",
            stats.ticks_late,
        ),
        ("callfloor_media_events_lost_total", "counter", "Not taken by the switch.", stats.events_lost),
        ("callfloor_media_one_way_total", "counter", "Times that a leg was not heard.", stats.one_way),
    ] {
        page.head(name, kind, help);
        page.line(name, &[], value as f64);
    }
}

fn sip(api: &Api, page: &mut Page) {
    let counts = (api.parts.sip)();
    for (name, kind, help, value) in [
        (
            "callfloor_sip_datagrams_received_total",
            "counter",
            "SIP datagrams read.",
            counts.datagrams_received,
        ),
        ("callfloor_sip_datagrams_sent_total", "counter", "SIP datagrams sent.", counts.datagrams_sent),
        (
            "callfloor_sip_datagrams_held_back_total",
            "counter",
            "Read and dropped, from sources that flood.",
            counts.datagrams_held_back,
        ),
        (
            "callfloor_sip_datagrams_lost_total",
            "counter",
            "Dropped by the system: no room, or from sources that flood.",
            counts.datagrams_lost,
        ),
        (
            "callfloor_sip_sources_held_back",
            "gauge",
            "Sources that flood, of which a share is let in.",
            counts.sources_held_back,
        ),
        ("callfloor_sip_streams", "gauge", "TCP and TLS connections open.", counts.streams_open),
        (
            "callfloor_sip_streams_refused_total",
            "counter",
            "Closed at once: too many.",
            counts.streams_refused,
        ),
        (
            "callfloor_sip_tls_failures_total",
            "counter",
            "TLS handshakes that failed.",
            counts.handshakes_failed,
        ),
    ] {
        page.head(name, kind, help);
        page.line(name, &[], value as f64);
    }
}

fn door(report: &DefenceReport, page: &mut Page) {
    let name = "callfloor_sip_admitted_total";
    page.head(name, "counter", "Requests outside of calls that were let in, by what.");
    for (by, count) in [("trunk", report.trusted), ("password", report.authenticated)] {
        page.line(name, &[("by", by)], count as f64);
    }
    let name = "callfloor_sip_refused_total";
    page.head(name, "counter", "Messages outside of calls that were not let in, by reason.");
    for (reason, count) in [
        ("no_password", report.challenged),
        ("wrong_password", report.failures),
        ("trunk_rate", report.refused),
        ("over_limit", report.over_limit),
        ("denied", report.denied),
    ] {
        page.line(name, &[("reason", reason)], count as f64);
    }
    let name = "callfloor_sip_bans";
    page.head(name, "gauge", "Sources that nothing is read from.");
    page.line(name, &[], report.bans.len() as f64);
}

fn trunks(reports: &[TrunkReport], page: &mut Page) {
    type Value = fn(&TrunkReport) -> Option<f64>;
    let gauges: [(&'static str, &'static str, Value); 4] = [
        ("callfloor_trunk_up", "1 while the trunk takes calls, 0 while it is down.", |report| {
            Some(f64::from(u8::from(report.state.is_usable())))
        }),
        ("callfloor_trunk_calls", "Calls in use, both ways.", |report| Some(f64::from(report.calls))),
        ("callfloor_trunk_calls_limit", "Calls at once that it takes; 0 for no limit.", |report| {
            Some(f64::from(report.info.max_calls))
        }),
        ("callfloor_trunk_round_trip_seconds", "Of the last ping to the first server.", |report| {
            let millis = report.servers.first()?.round_trip_millis?;
            Some(millis as f64 / 1000.0)
        }),
    ];
    for (name, help, value) in gauges {
        page.head(name, "gauge", help);
        for report in reports {
            if let Some(value) = value(report) {
                page.line(name, &[("trunk", report.info.id.as_str())], value);
            }
        }
    }
}

fn floor(api: &Api, page: &mut Page) {
    let floor = api.parts.hub.floor();
    let now = clock::now();
    let name = "callfloor_calls";
    page.head(name, "gauge", "Live calls, by where they are.");
    for phase in ["arrived", "waiting", "offered", "talking", "taken_over", "dialling", "outside"] {
        let count = floor.calls.values().filter(|call| phase_word(&call.phase) == phase).count();
        page.line(name, &[("phase", phase)], count as f64);
    }
    let reports: Vec<_> = floor.queues.keys().filter_map(|queue| floor.queue_report(queue, now)).collect();
    type Value = fn(&shared::api::queues::QueueReport, shared::time::Timestamp) -> f64;
    let gauges: [(&'static str, &'static str, Value); 7] = [
        ("callfloor_queue_waiting", "Calls waiting.", |report, _| f64::from(report.waiting)),
        ("callfloor_queue_callbacks", "Callbacks that are not over.", |report, _| {
            f64::from(report.callbacks)
        }),
        ("callfloor_queue_longest_wait_seconds", "Wait of the longest one.", |report, now| {
            report.longest_since.map_or(0.0, |since| now.since(since).as_secs_f64())
        }),
        ("callfloor_queue_agents_signed_in", "Agents signed in.", |report, _| {
            f64::from(report.agents_signed_in)
        }),
        ("callfloor_queue_agents_ready", "Agents ready and idle.", |report, _| {
            f64::from(report.agents_ready)
        }),
        ("callfloor_queue_agents_talking", "Agents who talk.", |report, _| f64::from(report.agents_talking)),
        ("callfloor_queue_service_level_ratio", "Service level of the day, 0 to 1.", |report, _| {
            report.figures.service_level_percent.value.map_or(f64::NAN, |percent| percent / 100.0)
        }),
    ];
    for (name, help, value) in gauges {
        page.head(name, "gauge", help);
        for report in &reports {
            page.line(name, &[("queue", report.info.id.as_str())], value(report, now));
        }
    }
}

/// A page in the text format.
#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Labels hold ids and words of ours, which need no escapes.
    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{label}=\"{text}\"", if place == 0 { '{' } else { ',' });
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        if value.is_nan() {
            self.text.push_str(" NaN\n");
        } else {
            let _ = writeln!(self.text, " {value}");
        }
    }

    fn histogram(&mut self, name: &str, help: &str, buckets: &Buckets) {
        self.head(name, "histogram", help);
        let mut sum = 0;
        let bucket = format!("{name}_bucket");
        for (place, count) in buckets.counts.iter().enumerate() {
            sum += count;
            let bound = buckets
                .bounds_millis
                .get(place)
                .map_or("+Inf".to_owned(), |millis| (*millis as f64 / 1000.0).to_string());
            self.line(&bucket, &[("le", &bound)], sum as f64);
        }
        self.line(&format!("{name}_sum"), &[], buckets.sum_millis as f64 / 1000.0);
        self.line(&format!("{name}_count"), &[], sum as f64);
    }
}

fn phase_word(phase: &Phase) -> &'static str {
    match phase {
        Phase::Arrived => "arrived",
        Phase::Waiting { .. } => "waiting",
        Phase::Offered { .. } => "offered",
        Phase::Talking { .. } => "talking",
        Phase::TakenOver { .. } => "taken_over",
        Phase::Dialling { .. } => "dialling",
        Phase::Outside { .. } => "outside",
    }
}

fn word(exit: QueueExit) -> String {
    serde_json::to_string(&exit).unwrap_or_default().trim_matches('"').to_owned()
}
