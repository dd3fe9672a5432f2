use std::path::Path;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::config::{Config, ConfigError};

/// A folder with a certificate that has expired and its key, and another key.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut params = CertificateParams::new(vec!["sip.test".into()]).expect("a name");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 6, 30);
    let (key, other) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let certificate = params.self_signed(&key).expect("a certificate");
    for (name, text) in [
        ("sip.crt", certificate.pem()),
        ("sip.key", key.serialize_pem()),
        ("other.key", other.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("write");
    }
    folder
}

fn parse(folder: &Path, keys: &str) -> Result<Config, Vec<String>> {
    let text = format!("[sip]\n{}\n", keys.replace("; ", "\n"));
    Config::parse(&text, &folder.join("call.toml")).map_err(|error| match error {
        ConfigError::Wrong(faults) => faults.iter().map(ToString::to_string).collect(),
        ConfigError::Read { .. } => unreachable!("nothing is read"),
    })
}

#[test]
fn what_is_wrong_with_tls_is_said_at_its_key() {
    let folder = folder();
    let path = folder.path();
    for (keys, words) in [
        ("tls = ['0.0.0.0:5061']", vec![":2:7: sip.tls: there is no certificate", "certificate and key"]),
        ("certificate = 'sip.crt'", vec!["sip.certificate: the certificate has no key"]),
        ("key = 'sip.key'", vec!["sip.key: the key has no certificate"]),
        ("certificate = 'sip.crt'; key = 'other.key'", vec!["sip.key: use the certificate", "other.key"]),
        (
            "certificate = 'sip.key'; key = 'sip.key'",
            vec!["sip.certificate: find a certificate in", "sip.key"],
        ),
        ("certificate = 'no.crt'; key = 'sip.key'", vec!["sip.certificate: read ", "no.crt"]),
        ("ca = 'no.crt'", vec!["sip.ca: read ", "no.crt"]),
        ("client_ca = 'sip.crt'", vec!["sip.client_ca: nobody is asked"]),
        ("client_certificates = 'required'", vec!["sip.client_certificates: nobody vouches", "client_ca"]),
        ("client_certificates = 'always'", vec!["unasked", "optional", "required"]),
        ("advertised_name = '192.0.2.1'", vec!["sip.advertised_name: this is no host name"]),
    ] {
        let found = parse(path, keys).expect_err(keys);
        assert_eq!(found.len(), 1, "{found:?}");
        for word in words {
            assert!(found[0].contains(word), "{word:?} is not in {:?}", found[0]);
        }
    }
}

#[test]
fn an_expired_certificate_is_a_warning_with_its_date() {
    let folder = folder();
    let keys = "tls = ['0.0.0.0:5061']; certificate = 'sip.crt'; key = 'sip.key'; ca = 'sip.crt'; \
                client_certificates = 'required'; client_ca = 'sip.crt'; advertised_name = 'sip.test'";
    let config = parse(folder.path(), keys).expect("right");
    let warnings = config.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("has expired on 2021-06-30"), "{warnings:?}");
    let tls = config.tls();
    assert_eq!(tls.authorities, Some(folder.path().join("sip.crt")));
    assert_eq!(tls.listen.len(), 1);
    assert_eq!(parse(folder.path(), "max_calls = 7").expect("right").warnings(), [""; 0]);
}

#[test]
fn a_trunk_may_have_its_own_authorities() {
    let folder = folder();
    let trunk = |ca: &str| {
        format!(
            "[[trunks]]\nid = \"t\"\nname = \"T\"\nservers = [\"sips:Sip.Example\", \"sip:192.0.2.1\"]\nca = \"{ca}\"\n"
        )
    };
    let config = Config::parse(&trunk("sip.crt"), &folder.path().join("call.toml")).expect("right");
    let pinned = config.tls().pinned;
    assert_eq!(pinned.get("sip.example"), Some(&folder.path().join("sip.crt")), "{pinned:?}");
    let Err(ConfigError::Wrong(faults)) = Config::parse(&trunk("no.crt"), &folder.path().join("call.toml"))
    else {
        panic!("a file that is not there")
    };
    let words = faults[0].to_string();
    assert!(words.contains("trunks[0].ca: read ") && words.contains("no.crt"), "{words}");
}
