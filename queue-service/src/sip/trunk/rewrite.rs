//! Number rewriting: an ordered list of rules, of which the first that fits is used.

use regex::{Regex, RegexBuilder};

use crate::config::Rule;

/// Longest number, in characters; a rule that makes a longer one is not used.
pub const MAX_NUMBER: usize = 64;
/// Longest regular expression, in characters.
const MAX_PATTERN: usize = 200;
/// Memory of one compiled expression, in bytes.
const MAX_COMPILED: usize = 256 * 1024;

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Neither or both of prefix and pattern.
    #[error("read a rule: it has to have prefix or pattern, and not both")]
    What,
    /// No regular expression, or one that is too large.
    #[error("read the pattern: {0}")]
    Pattern(String),
    /// It does nothing.
    #[error("read a rule: it changes nothing without replace, strip or prepend")]
    Nothing,
}

/// Rules, ready to be used.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Compiled>);

#[derive(Debug, Clone)]
struct Compiled {
    what: What,
    replace: Option<String>,
    strip: usize,
    prepend: String,
}

#[derive(Debug, Clone)]
enum What {
    Prefix(String),
    Pattern(Regex),
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// The place of the first wrong one, and what is wrong with it.
    pub fn new(rules: &[Rule]) -> Result<Rules, (usize, RuleError)> {
        let compiled = rules.iter().enumerate().map(|(place, rule)| compile(rule).map_err(|e| (place, e)));
        compiled.collect::<Result<Vec<_>, _>>().map(Rules)
    }

    /// The number after the first rule that fits; as it is without one, or when the rule would make it longer than
    /// [`MAX_NUMBER`] or leave nothing.
    pub fn apply(&self, number: &str) -> String {
        let made = self.0.iter().find_map(|rule| rule.apply(number));
        made.filter(|made| !made.is_empty() && made.chars().count() <= MAX_NUMBER)
            .unwrap_or_else(|| number.to_owned())
    }
}

impl Compiled {
    fn apply(&self, number: &str) -> Option<String> {
        let replaced = match &self.what {
            What::Prefix(prefix) => {
                let rest = number.strip_prefix(prefix.as_str())?;
                format!("{}{rest}", self.replace.as_deref().unwrap_or(prefix))
            }
            What::Pattern(pattern) => match &self.replace {
                _ if !pattern.is_match(number) => return None,
                Some(replace) => pattern.replace(number, replace.as_str()).into_owned(),
                None => number.to_owned(),
            },
        };
        let rest: String = replaced.chars().skip(self.strip).collect();
        Some(format!("{}{rest}", self.prepend))
    }
}

fn compile(rule: &Rule) -> Result<Compiled, RuleError> {
    let what = match (&rule.prefix, &rule.pattern) {
        (Some(prefix), None) => What::Prefix(prefix.clone()),
        (None, Some(pattern)) => {
            if pattern.chars().count() > MAX_PATTERN {
                return Err(RuleError::Pattern(format!("it is longer than {MAX_PATTERN} characters")));
            }
            let built = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build();
            // The library's own text spans lines and repeats the pattern.
            What::Pattern(built.map_err(|error| RuleError::Pattern(short(&error)))?)
        }
        (None, None) | (Some(_), Some(_)) => return Err(RuleError::What),
    };
    if rule.replace.is_none() && rule.strip == 0 && rule.prepend.is_empty() {
        return Err(RuleError::Nothing);
    }
    Ok(Compiled { what, replace: rule.replace.clone(), strip: rule.strip, prepend: rule.prepend.clone() })
}

fn short(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.trim_start_matches("error: ").chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<Rules, (usize, RuleError)> {
        #[derive(serde::Deserialize)]
        struct List {
            rules: Vec<Rule>,
        }
        Rules::new(&toml::from_str::<List>(&format!("rules = {text}")).expect("toml").rules)
    }

    #[test]
    fn the_first_rule_that_fits_is_used() {
        for (list, number, made) in [
            // National to E.164, as people in Germany dial.
            ("[{prefix='00',replace='+'},{prefix='0',replace='+49'}]", "0301234", "+49301234"),
            ("[{prefix='00',replace='+'},{prefix='0',replace='+49'}]", "0043123", "+43123"),
            ("[{prefix='00',replace='+'},{prefix='0',replace='+49'}]", "+49301234", "+49301234"),
            // E.164 to what a carrier wants.
            ("[{prefix='+',replace='00'}]", "+4930", "004930"),
            ("[{prefix='+',strip=1}]", "+4930", "4930"),
            ("[{prefix='+49',replace='0'},{prefix='+',replace='00'}]", "+49301", "0301"),
            // An outside line, and extensions.
            ("[{prefix='9',strip=1}]", "90301", "0301"),
            ("[{pattern='^([2-7][0-9]{2})$',replace='+4930123$1'}]", "205", "+4930123205"),
            ("[{pattern='^([2-7][0-9]{2})$',replace='+4930123$1'}]", "2055", "2055"),
            ("[{pattern='^[0-9]{7}$',prepend='+4930'}]", "1234567", "+49301234567"),
            ("[{prefix='',prepend='9'}]", "1", "91"),
            // Nothing is left: the number stays.
            ("[{prefix='1',strip=9}]", "123", "123"),
            ("[]", "1", "1"),
        ] {
            assert_eq!(rules(list).expect(list).apply(number), made, "{list} {number}");
        }
    }

    #[test]
    fn a_number_does_not_grow_without_end() {
        let doubled = rules("[{pattern='^(.*)$',replace='$1$1$1$1$1$1$1$1'}]").expect("rules");
        assert_eq!(doubled.apply("123456789"), "123456789");
    }

    #[test]
    fn wrong_rules_are_named() {
        for (list, place, words) in [
            ("[{replace='x'}]", 0, "prefix or pattern"),
            ("[{prefix='1',pattern='1',strip=1}]", 0, "not both"),
            ("[{prefix='1',strip=1},{prefix='1'}]", 1, "changes nothing"),
            ("[{pattern='(',strip=1}]", 0, "unclosed group"),
            ("[{pattern='(a{500}){500}',strip=1}]", 0, "size limit"),
        ] {
            let (at, error) = rules(list).expect_err(list);
            assert!(at == place && error.to_string().contains(words), "{list}: {at} {error}");
        }
        let long = format!("[{{pattern='{}',strip=1}}]", "a".repeat(300));
        assert!(rules(&long).expect_err("long").1.to_string().contains("200 characters"));
    }
}
