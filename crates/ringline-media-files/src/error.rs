//! Why a file cannot be played.

use std::fmt;

/// It is no audio file that we know, or it is damaged; the words are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable(pub String);

impl Undecodable {
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Undecodable(why.into())
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Undecodable {}
