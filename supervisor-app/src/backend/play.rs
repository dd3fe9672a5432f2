//! Fetches the tracks of a recording, adds them up, and plays them on the headset.

use std::time::Duration;

use shared::api::error::{ApiError, ErrorCode};
use shared::audio::wav;
use shared::id::RecordingId;
use shared::model::recording::Track;
use shared_desktop::bridge::Events;
use shared_desktop::driver::ApiClient;
use shared_desktop::player::Playing;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::event::{Event, Playback};

const ROUND: Duration = Duration::from_millis(250);

type Fetched = JoinHandle<Result<Playing, ApiError>>;

/// Plays one recording at a time.
pub(super) struct Player {
    events: Events<Event>,
    loading: Option<(RecordingId, Fetched)>,
    playing: Option<(RecordingId, Playing)>,
    stopped: bool,
    rounds: Interval,
}

impl Player {
    pub(super) fn new(events: Events<Event>) -> Player {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Player { events, loading: None, playing: None, stopped: false, rounds }
    }

    /// Plays these tracks instead of what plays now.
    pub(super) fn play(
        &mut self,
        api: Result<ApiClient, ApiError>,
        recording: RecordingId,
        tracks: Vec<Track>,
        output: Option<String>,
    ) {
        self.stop();
        self.stopped = false;
        let task = tokio::spawn(async move {
            let samples = fetch(&api?, recording, &tracks).await?;
            let started =
                tokio::task::spawn_blocking(move || Playing::start(&samples, output.as_deref())).await;
            match started {
                Ok(Ok(playing)) => Ok(playing),
                Ok(Err(error)) => {
                    Err(failed(error.to_string(), "Connect a headset, or choose it in the settings."))
                }
                Err(_) => Err(failed("the player stopped".into(), "Try again.")),
            }
        });
        self.loading = Some((recording, task));
    }

    /// Stops what plays, or what is being fetched to play.
    pub(super) fn stop(&mut self) {
        let loading = self.loading.take();
        if let Some((_, task)) = &loading {
            task.abort();
        }
        self.stopped |= loading.is_some() || self.playing.take().is_some();
    }

    /// Waits for the next thing to tell, and tells it. May be dropped and called again.
    pub(super) async fn tick(&mut self) {
        if self.stopped {
            // Told first, then forgotten: when this is dropped while it waits, it is told again.
            self.events.send(Event::Playing(Playback::Stopped)).await;
            self.stopped = false;
            return;
        }
        if let Some((recording, task)) = &mut self.loading {
            let recording = *recording;
            let loading = Event::Playing(Playback::Loading(recording));
            tokio::select! {
                done = task => {
                    self.loading = None;
                    let event = match done {
                        Ok(Ok(playing)) => {
                            self.playing = Some((recording, playing));
                            Playback::At { recording, millis: 0 }
                        }
                        Ok(Err(error)) => Playback::Failed(error),
                        Err(_) => Playback::Stopped,
                    };
                    self.events.send(Event::Playing(event)).await;
                }
                _ = self.rounds.tick() => {
                    self.events.send(loading).await;
                }
            }
            return;
        }
        let Some((recording, playing)) = &self.playing else {
            return std::future::pending().await;
        };
        let event = Playback::At { recording: *recording, millis: playing.position_millis() };
        let over = playing.is_over();
        self.rounds.tick().await;
        if over {
            self.playing = None;
            self.stopped = true;
        } else {
            self.events.send(Event::Playing(event)).await;
        }
    }
}

async fn fetch(api: &ApiClient, recording: RecordingId, tracks: &[Track]) -> Result<Vec<i16>, ApiError> {
    let mut sum: Vec<i32> = Vec::new();
    for track in tracks {
        let bytes = api.recording_track(recording, *track).await?;
        let samples = wav::read_mono(&bytes).map_err(|error| {
            failed(error.to_string(), "Download the file and look at it with another player.")
        })?;
        if sum.len() < samples.len() {
            sum.resize(samples.len(), 0);
        }
        for (sum, sample) in sum.iter_mut().zip(&samples) {
            *sum += i32::from(*sample);
        }
    }
    Ok(sum.into_iter().map(|sample| sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16).collect())
}

fn failed(why: String, hint: &str) -> ApiError {
    ApiError::new(ErrorCode::Internal, "The recording cannot be played", why, hint)
}
