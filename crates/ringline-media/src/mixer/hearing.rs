//! Who hears whom, as it is said and as it is compared.

use std::collections::HashMap;

/// Whom a leg hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hears {
    /// Everybody in the room but these, and never itself.
    AllBut(Vec<u64>),
    /// These, if they are here, and never itself.
    Only(Vec<u64>),
}

/// A set of voices, written the shorter way.
#[derive(PartialEq, Eq, Hash, Clone)]
pub(super) enum Key {
    AllBut(Vec<usize>),
    Only(Vec<usize>),
}

impl Key {
    pub(super) fn read(hears: Option<&Hears>, place: &HashMap<u64, usize>, own: usize) -> Self {
        let sorted = |legs: &[u64]| {
            let mut places: Vec<usize> = legs.iter().filter_map(|leg| place.get(leg).copied()).collect();
            places.push(own);
            places.sort_unstable();
            places.dedup();
            places.retain(|known| *known != own);
            places
        };
        match hears {
            Some(Hears::AllBut(legs)) => Key::AllBut(sorted(legs)),
            Some(Hears::Only(legs)) => Key::Only(sorted(legs)),
            None => Key::Only(Vec::new()),
        }
    }

    /// The same set with `own` added or taken out.
    pub(super) fn having(&self, own: usize, inside: bool) -> Self {
        let edit = |list: &[usize], listed: bool| {
            let mut list = list.to_vec();
            match (list.binary_search(&own), listed) {
                (Err(at), true) => list.insert(at, own),
                (Ok(at), false) => drop(list.remove(at)),
                _ => {}
            }
            list
        };
        match self {
            Key::AllBut(list) => Key::AllBut(edit(list, !inside)),
            Key::Only(list) => Key::Only(edit(list, inside)),
        }
    }

    pub(super) fn voices(&self, members: usize) -> Vec<usize> {
        match self {
            Key::AllBut(list) => (0..members).filter(|voice| list.binary_search(voice).is_err()).collect(),
            Key::Only(list) => list.clone(),
        }
    }

    pub(super) fn count(&self, members: usize) -> usize {
        match self {
            Key::AllBut(list) => members - list.len(),
            Key::Only(list) => list.len(),
        }
    }
}
