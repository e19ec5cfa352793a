//! The text messages of a server: `clear` and `notify`.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

/// The longest text that is looked at.
const TEXT_BYTES: usize = 64 * 1024;
/// The longest payload of a `notify`.
const PAYLOAD_BYTES: usize = 4096;

/// What a server wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Drop all audio that it has sent.
    Clear,
    /// Tell when all audio that it has sent was played, with this JSON object.
    Notify(String),
}

impl Order {
    /// Read a text message.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > TEXT_BYTES {
            return Err("a text message of more than 64 KiB was ignored");
        }
        let fields: HashMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(text).map_err(|_| "a text message that is no JSON object was ignored")?;
        let action = fields.get("action").and_then(|action| serde_json::from_str::<Cow<'_, str>>(action.get()).ok());
        match action.as_deref() {
            Some("clear") => Ok(Order::Clear),
            Some("notify") => Self::notify(fields.get("payload").map(|payload| payload.get())),
            _ => Err("a text message without a known action was ignored"),
        }
    }

    fn notify(payload: Option<&str>) -> Result<Self, &'static str> {
        match payload {
            None => Ok(Order::Notify("{}".to_owned())),
            Some(payload) if payload.len() > PAYLOAD_BYTES => {
                Err("a notify with a payload of more than 4096 bytes was ignored")
            }
            Some(payload) if payload.starts_with('{') => Ok(Order::Notify(payload.to_owned())),
            Some(_) => Err("a notify whose payload is no JSON object was ignored"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_comes_back_as_it_was_written() {
        let payload = r#"{"n": 1e5, "big":12345678901234567890123,  "é":[{}] , "n": 2}"#;
        let text = format!(r#" {{"payload": {payload}, "action": "notify"}} "#);
        assert_eq!(Order::read(&text), Ok(Order::Notify(payload.to_owned())));
        assert_eq!(Order::read(r#"{"action":"notify"}"#), Ok(Order::Notify("{}".to_owned())));
        assert_eq!(Order::read(r#"{"action":"clear","payload":7}"#), Ok(Order::Clear));
        assert_eq!(Order::read(r#"{"action":"cle\u0061r"}"#), Ok(Order::Clear));
    }

    #[test]
    fn everything_else_is_refused_politely() {
        let deep = format!(r#"{{"action":"notify","payload":{}{}}}"#, r#"{"a":"#.repeat(700), "}".repeat(700));
        let long = format!(r#"{{"action":"notify","payload":{{"a":"{}"}}}}"#, "x".repeat(4096));
        let huge = "[".repeat(100_000);
        for text in [
            "",
            "null",
            "[]",
            "{",
            "clear",
            r#"{"action":1}"#,
            r#"{"action":"hangup"}"#,
            r#"{"payload":{}}"#,
            r#"{"action":"notify","payload":[]}"#,
            r#"{"action":"notify","payload":"x"}"#,
            &deep,
            &long,
            &huge,
        ] {
            assert!(Order::read(text).is_err(), "{}", &text[..text.len().min(60)]);
        }
    }
}
