//! What the words of a query may stand for, and how much each of it counts.

use ports::search::SearchError;

use crate::analysis::Word;
use crate::dictionary::{Found, Snapshot, Way, part};
use crate::synonyms::PHRASE_WORDS_MAX;
use crate::understand::Asked;

/// Terms that one word may stand for.
const ALTERNATIVES_MAX: usize = 64;
/// A word that so many documents have in their address tells little.
const COMMON_PLACE_SHARE: f64 = 0.2;
const PREFIX_CHARS_MIN: usize = 5;
const COMPOUND_CHARS_MIN: usize = 7;
const COMPOUND_HEAD_BYTES_MIN: usize = 4;
/// What only says that something is sold or done somewhere, as a word or as the end of a compound.
const TRADES: &[&str] = &[
    "fachgeschaft",
    "geschaft",
    "laden",
    "handler",
    "handlung",
    "handel",
    "markt",
    "shop",
    "store",
    "dealer",
    "betrieb",
    "firma",
    "company",
    "service",
    "dienst",
    "studio",
    "salon",
    "praxis",
    "practice",
    "office",
    "buro",
];
/// The last effort.
pub const EFFORT_MAX: u8 = 3;
/// From this effort on, words are taken for others of which they have little.
pub const LOOSE: u8 = 2;

#[derive(Debug, Clone)]
pub struct Alternative {
    pub found: Found,
    pub quality: f32,
}

/// What a word, or several that are one phrase, may stand for.
#[derive(Debug, Default)]
pub struct Expansion {
    /// The words as they were typed.
    pub phrase: String,
    pub little: bool,
    pub alternatives: Vec<Alternative>,
    /// Both of these instead.
    pub parts: Option<[Vec<Alternative>; 2]>,
    pub weight: f32,
    pub required: bool,
    /// A kind of place, or what such a place has.
    pub topical: bool,
    /// A kind of place.
    pub kind: bool,
    /// It is not only resembled by something.
    pub certain: bool,
}

/// The words one by one, but for phrases that the index knows as a category or tag.
pub fn segments(snapshot: &Snapshot, asked: &[Asked], last: bool, effort: u8) -> Result<Vec<Expansion>, SearchError> {
    let words: Vec<Word> = asked.iter().map(|asked| asked.word.clone()).collect();
    let mut expansions = Vec::with_capacity(words.len());
    let mut place = 0;
    while place < words.len() {
        let longest = (2..=PHRASE_WORDS_MAX.min(words.len() - place)).rev();
        let mut phrase = None;
        for length in longest {
            let found = snapshot.meaning(&words[place..place + length])?;
            if found.iter().any(|found| found.way != Way::Hinted) {
                phrase = Some((length, found));
                break;
            }
        }
        let (length, mut expansion) = match phrase {
            Some((length, found)) => {
                let phrase = &words[place..place + length];
                let mut found = found.to_vec();
                found.extend(snapshot.joined(phrase)?.iter().cloned());
                (length, expansion_of(snapshot, phrase, found, None))
            }
            None if asked[place].little => {
                let word = &words[place..=place];
                (1, expansion_of(snapshot, word, snapshot.exact(&words[place])?.to_vec(), None))
            }
            None => (1, expand(snapshot, &words, place, last && place + 1 == words.len(), effort)?),
        };
        if length == 1 && asked[place].little {
            expansion.little = true;
            expansion.required = false;
            expansion.weight *= 0.3;
        }
        expansions.push(expansion);
        place += length;
    }
    let is_trade = |word: &Expansion| TRADES.contains(&word.phrase.as_str());
    if expansions.iter().any(|word| word.kind && !word.little && !is_trade(word)) {
        // `shoe store`: what only says that it is a trade is no second condition.
        for trade in expansions.iter_mut().filter(|word| is_trade(word)) {
            trade.required = false;
            trade.little = true;
        }
    }
    Ok(expansions)
}

impl Expansion {
    pub fn is_empty(&self) -> bool {
        self.alternatives.is_empty() && self.parts.is_none()
    }

    pub fn all(&self) -> impl Iterator<Item = &Alternative> {
        self.alternatives.iter().chain(self.parts.iter().flatten().flatten())
    }

    /// What the word was taken for, if it is in nothing as it was typed.
    pub fn correction(&self) -> Option<(String, String)> {
        let known = self.parts.is_some() || self.alternatives.iter().any(|one| !matches!(one.found.way, Way::Corrected { .. }));
        let best = self.alternatives.first().filter(|_| !known)?;
        Some((self.phrase.clone(), best.found.term.clone()))
    }
}

pub fn expand(snapshot: &Snapshot, words: &[Word], place: usize, last: bool, effort: u8) -> Result<Expansion, SearchError> {
    let word = &words[place];
    let fields = &snapshot.fields;
    let alone = std::slice::from_ref(word);
    let mut found: Vec<Found> = snapshot.exact(word)?.to_vec();
    found.extend(snapshot.meaning(alone)?.iter().cloned());
    for start in place.saturating_sub(1)..=place {
        if let Some(pair) = words.get(start..start + 2) {
            found.extend(snapshot.joined(pair)?.iter().cloned());
        }
    }
    let is_kind = |found: &Found| snapshot.is_label(found.field) && matches!(found.way, Way::Exact | Way::Same);
    if found.iter().any(is_kind) {
        return Ok(expansion_of(snapshot, alone, found, None));
    }
    let mut known = found.iter().any(|found| found.field != fields.text);
    let letters = word.key.chars().count();
    let mut parts = None;
    if !known && let Some(head) = TRADES.iter().find_map(|trade| word.plain.strip_suffix(trade)) {
        for head in [head, head.trim_end_matches('s'), head.trim_end_matches('n')] {
            found.extend(snapshot.meaning(&[part(head)])?.iter().cloned());
        }
        known = !found.is_empty();
    }
    if last || letters >= PREFIX_CHARS_MIN {
        let begun = snapshot.prefix(&word.key)?;
        known |= last && !begun.is_empty();
        found.extend(begun.iter().cloned());
    }
    if last && letters >= PREFIX_CHARS_MIN - 1 {
        found.extend(snapshot.begun(&word.key)?.iter().cloned());
    }
    if !known
        && letters >= COMPOUND_CHARS_MIN
        && let Some([head, tail]) = snapshot.compound(word)?
    {
        let (head, tail) = (base(snapshot, &head)?, base(snapshot, &tail)?);
        if effort >= EFFORT_MAX {
            found.extend(tail);
        } else {
            parts = Some([rated(snapshot, head), rated(snapshot, tail)]);
        }
        known = true;
    }
    if !known && effort >= EFFORT_MAX {
        // `Saunalandschaft`: of a word that begins with a kind of place, that is what is left.
        for end in word.key.char_indices().map(|(at, _)| at).rev().take_while(|at| *at >= COMPOUND_HEAD_BYTES_MIN) {
            let head = snapshot.meaning(&[part(&word.key[..end])])?;
            if head.iter().any(is_kind) {
                found.extend(head.iter().cloned());
                break;
            }
        }
    }
    if !known || effort > 0 {
        found.extend(snapshot.corrected(&word.key, u8::from(effort >= LOOSE), last)?.iter().cloned());
    }
    Ok(expansion_of(snapshot, alone, found, parts))
}

fn expansion_of(snapshot: &Snapshot, words: &[Word], found: Vec<Found>, parts: Option<[Vec<Alternative>; 2]>) -> Expansion {
    let fields = &snapshot.fields;
    let in_names = |found: &Found| found.way == Way::Exact && [fields.name, fields.name_stem, fields.name_joined].contains(&found.field);
    let named = found.iter().filter(|found| in_names(found) || snapshot.is_label(found.field) && found.way != Way::Narrower);
    let documents = named.map(|found| found.documents).max().unwrap_or(0);
    let placed = found.iter().filter(|found| found.field == fields.place).map(|found| found.documents).max().unwrap_or(0);
    let in_a_name = found.iter().any(in_names);
    let known = found.iter().any(|found| found.way == Way::Exact && found.field != fields.text);
    let topical = |found: &Found| {
        found.field == fields.topic && found.way == Way::Exact && !in_a_name
            || snapshot.is_label(found.field)
                && match found.way {
                    Way::Exact | Way::Same | Way::Narrower => true,
                    // A word of somebody's name has more to do with that.
                    Way::Hinted => !in_a_name,
                    Way::Corrected { .. } => !known,
                    Way::Prefix => false,
                }
    };
    let kind = |found: &Found| topical(found) && found.field == fields.category_key;
    let certain = parts.is_some() || found.iter().any(|found| kind(found) && !matches!(found.way, Way::Corrected { .. }));
    let holds = |all: &[Alternative], is: &dyn Fn(&Found) -> bool| all.iter().any(|one| is(&one.found));
    let (topical, kind) = match &parts {
        Some([head, tail]) => (holds(head, &topical) && holds(tail, &topical), holds(tail, &kind)),
        None => (found.iter().any(topical), found.iter().any(kind)),
    };
    let alternatives = rated(snapshot, found);
    #[allow(clippy::cast_precision_loss)]
    let all = snapshot.documents().max(1) as f64;
    #[allow(clippy::cast_precision_loss)]
    let common_place = placed as f64 >= COMMON_PLACE_SHARE * all && documents < placed;
    let phrase = words.iter().map(|word| word.plain.as_str()).collect::<Vec<_>>().join(" ");
    let weight = rarity(documents.max(1), all);
    let mut expansion = Expansion { phrase, little: false, alternatives, parts, weight, required: true, topical, kind, certain };
    // A word that nothing in the index resembles is no reason to find nothing.
    expansion.required = !common_place && !expansion.is_empty();
    if common_place {
        expansion.weight *= 0.3;
    }
    expansion
}

/// What a part of a compound may stand for.
fn base(snapshot: &Snapshot, word: &Word) -> Result<Vec<Found>, SearchError> {
    let mut found = snapshot.exact(word)?.to_vec();
    found.extend(snapshot.meaning(std::slice::from_ref(word))?.iter().cloned());
    Ok(found)
}

/// Between 0.3 for a word that all have and 1.3 for one that a single document has.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn rarity(documents: u64, all: f64) -> f32 {
    let documents = documents as f64;
    let rare = (1.0 + (all - documents + 0.5).max(0.0) / (documents + 0.5)).ln() / (1.0 + all).ln().max(1.0);
    (0.3 + rare.clamp(0.0, 1.0)) as f32
}

/// The best rated, each term once.
fn rated(snapshot: &Snapshot, found: Vec<Found>) -> Vec<Alternative> {
    let mut rated: Vec<Alternative> = found.into_iter().map(|found| Alternative { quality: quality(snapshot, &found), found }).collect();
    rated.sort_by(|one, other| other.quality.total_cmp(&one.quality).then(other.found.documents.cmp(&one.found.documents)));
    let mut kept: Vec<Alternative> = Vec::with_capacity(rated.len().min(ALTERNATIVES_MAX));
    for alternative in rated {
        let known = kept.iter().any(|before| before.found.field == alternative.found.field && before.found.term == alternative.found.term);
        if !known && kept.len() < ALTERNATIVES_MAX {
            kept.push(alternative);
        }
    }
    kept
}

/// How much a term counts: by its field, and by how it was found.
pub fn quality(snapshot: &Snapshot, found: &Found) -> f32 {
    let fields = &snapshot.fields;
    let field = [
        (fields.name, 1.0),
        (fields.name_joined, 0.95),
        (fields.name_stem, 0.9),
        (fields.category_key, 0.75),
        (fields.tag_key, 0.75),
        (fields.topic, 0.6),
        (fields.name_edge, 0.9),
        (fields.name_part, 0.5),
        (fields.place, 0.45),
        (fields.text, 0.25),
    ];
    let of_field = field.iter().find(|(field, _)| *field == found.field).map_or(0.2, |(_, quality)| *quality);
    let of_way = match found.way {
        Way::Exact => 1.0,
        Way::Same if found.field == fields.name => 0.7,
        Way::Same => 0.95,
        Way::Narrower | Way::Hinted => 0.7,
        Way::Prefix => 0.75,
        Way::Corrected { letters, first } => {
            let letters = match letters {
                0 => 0.8,
                1 => 0.62,
                _ => 0.42,
            };
            if first { letters * 0.75 } else { letters }
        }
    };
    of_field * of_way
}
