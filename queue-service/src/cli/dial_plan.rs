//! `queue-service dial-plan`: where a number would go, without calling it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::config::Config;
use crate::sip::trunk::plan::DialPlan;

/// Where a number would go if every trunk were up.
///
/// # Errors
/// Why it would go nowhere, in words.
pub fn describe(config: &Config, number: &str) -> Result<String, String> {
    let plan = DialPlan::new(&config.outbound, &config.trunks);
    // Trunks of one priority share by lot; any lot shows them all.
    let route = plan
        .route(number, &BTreeMap::new(), &mut rand::rng())
        .map_err(|(denied, _)| format!("{number}: {denied}"))?;
    let mut text = String::new();
    let emergency = if route.emergency { ", an emergency number" } else { "" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{number} is {}{emergency}", route.number);
    for (place, way) in route.candidates.iter().enumerate() {
        let trunk = config.trunks.iter().find(|trunk| trunk.id == way.trunk);
        let servers = trunk.map(|trunk| trunk.servers.join(", ")).unwrap_or_default();
        let _ = writeln!(text, "{}. {} as {} ({servers})", place + 1, way.trunk, way.number);
    }
    for out in &route.excluded {
        let _ = writeln!(text, "not {}: {}", out.trunk, out.why);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_dial_plan_of_the_example_is_described() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
        let config = Config::load(&file).expect("right");
        let text = describe(&config, "030 123456").expect("allowed");
        assert_eq!(
            text,
            "030 123456 is +4930123456\n\
             1. carrier as 004930123456 (sip:203.0.113.10, sip:203.0.113.11:5080;transport=tcp)\n\
             2. provider as +4930123456 (sip:sip.provider.example)\n"
        );
        let emergency = describe(&config, "112").expect("allowed");
        assert!(emergency.starts_with("112 is 112, an emergency number\n1. carrier as 112 "), "{emergency}");
        let refused = "0900123: calls to this number are not allowed";
        assert_eq!(describe(&config, "0900123").expect_err("denied"), refused);
    }
}
