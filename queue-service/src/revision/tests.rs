//! Versions over a store and a file, without HTTP.

use super::*;
use crate::store::testing;

const TEXT: &str = "# ours\n[sip]\nmax_calls = 500\n[[queues]]\nid = \"sales\"\nname = \"Sales\"\n";

async fn open(store: &Store, path: &Path) -> Revisions {
    let config = Arc::new(Config::load(path).expect("right"));
    let hub = Hub::open(store, &config).await.expect("the hub opens");
    let auth = Auth::open(store, &config, clock::now()).await.expect("people");
    let (switch, mut requests) = SwitchHandle::channel();
    let floor = hub.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            if let Command::Configure(change) = &request.command {
                floor.publish(change.event().clone());
            }
            // A caller who is gone is no fault.
            let _ = request.reply.send(Ok(crate::switch::command::Reply::Done));
        }
    });
    Revisions::open(config, store, &hub, switch, auth).await.expect("versions")
}

fn author() -> Author {
    Author { by: "adm".parse().ok(), how: ConfigurationSource::Api }
}

#[tokio::test]
async fn a_restart_comes_up_with_the_version_that_was_accepted() {
    let (store, folder) = testing::sqlite().await;
    let path = folder.path().join("c.toml");
    std::fs::write(&path, TEXT).expect("written");
    let revisions = open(&store, &path).await;
    let change =
        revisions.change(None, author(), |text| Ok(text.replace("500", "600"))).await.expect("taken");
    assert_eq!(
        (change.version, change.restart),
        (2, vec!["sip".to_owned()]),
        "what needs a restart is named"
    );
    assert!(matches!(
        revisions.change(Some("1-abc"), author(), |text| Ok(text.to_owned())).await,
        Err(Refused::Stale { .. })
    ));
    drop(revisions);
    let revisions = open(&store, &path).await;
    assert_eq!(revisions.config().await.sip.max_calls, 600);
    let versions = revisions.list().await.expect("read");
    assert_eq!(versions.iter().map(|row| row.version).collect::<Vec<_>>(), [2, 1], "no new one");
    assert_eq!(versions[0].by, "adm".parse().ok());
}

#[tokio::test]
async fn a_file_changed_by_hand_is_a_version_when_it_is_read_again() {
    let (store, folder) = testing::sqlite().await;
    let path = folder.path().join("c.toml");
    std::fs::write(&path, TEXT).expect("written");
    let revisions = open(&store, &path).await;
    assert!(revisions.reload().await.expect("the same").changes.is_empty());
    std::fs::write(&path, TEXT.replace("ours", "theirs")).expect("written");
    let change = revisions.reload().await.expect("taken");
    assert_eq!((change.version, change.changes), (2, vec!["comments and layout only".to_owned()]));
    std::fs::write(&path, "[[queues]]\nid = 7\n").expect("written");
    assert!(matches!(revisions.reload().await, Err(Refused::Wrong(faults)) if faults[0].line == 2));
    assert_eq!(revisions.config().await.queues.len(), 1, "the old one stays in force");
    assert_eq!(revisions.list().await.expect("read")[0].how, ConfigurationSource::Reload);
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_rights_and_a_link_stays_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
    std::fs::write(&real, "old").expect("written");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("set");
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    file::write(&link, "new").expect("written");
    assert_eq!(file::read(&real).expect("read"), "new");
    assert_eq!(std::fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o640);
    assert!(link.is_symlink() && std::fs::read_dir(folder.path()).expect("read").count() == 2);
    assert!(file::write(&folder.path().join("none/x.toml"), "x").is_err());
}
