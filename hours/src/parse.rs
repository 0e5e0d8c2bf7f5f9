//! From words to rules.

use jiff::civil::{Date, Weekday};

use crate::Misread;
use crate::rules::{Anchor, Dates, DayOfYear, Days, Holiday, Joint, Rule, Span, State, Time, Weekdays, Weeks, Years};
use crate::words::{self, Token, Word};

/// A feast is moved by less than a year, and so is any other day.
const OFFSET_DAYS_MAX: i32 = 366;
/// What a thousand characters hold.
const RULES_MAX: usize = 500;
const YEARS: std::ops::RangeInclusive<i32> = 1_900..=9_998;

pub fn rules(text: &str) -> Result<Vec<Rule>, Misread> {
    let tokens = words::read(text)?;
    let mut parser = Parser { text, tokens: &tokens, next: 0 };
    let mut rules = Vec::new();
    let mut joint = Joint::Replacing;
    loop {
        while parser.take(&Word::Semicolon) {
            joint = Joint::Replacing;
        }
        if parser.peek().is_none() {
            break;
        }
        if rules.len() == RULES_MAX {
            return parser.refuse("is one rule too many");
        }
        rules.push(parser.rule(joint)?);
        joint = parser.joint()?;
    }
    if rules.is_empty() { Err(Misread::new(text, 0, text.len(), "states no hours")) } else { Ok(rules) }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    next: usize,
}

/// What a rule has of its parts so far.
#[derive(Default)]
struct Draft {
    days: Days,
    spans: Vec<Span>,
    always: bool,
    state: Option<State>,
    comment: Option<String>,
}

impl Draft {
    /// Whether hours or a state have been read, which come last.
    fn is_full(&self) -> bool {
        self.always || !self.spans.is_empty() || self.state.is_some()
    }

    fn is_empty(&self) -> bool {
        !self.is_full() && self.days.is_empty() && self.comment.is_none()
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Word> {
        self.at(0)
    }

    fn at(&self, ahead: usize) -> Option<&Word> {
        self.tokens.get(self.next + ahead).map(|token| &token.word)
    }

    fn take(&mut self, word: &Word) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    /// About the next word, or the end of the text.
    fn refuse<T>(&self, reason: &'static str) -> Result<T, Misread> {
        let end = (self.text.len(), self.text.len());
        let (from, to) = self.tokens.get(self.next).map_or(end, |token| (token.from, token.to));
        Err(Misread::new(self.text, from, to, reason))
    }

    /// About the words from `first` on that have been read.
    fn refuse_from<T>(&self, first: usize, reason: &'static str) -> Result<T, Misread> {
        Err(Misread::new(self.text, self.tokens[first].from, self.tokens[self.next - 1].to, reason))
    }

    fn joint(&mut self) -> Result<Joint, Misread> {
        Ok(match self.peek() {
            Some(Word::Semicolon) | None => Joint::Replacing,
            Some(Word::Or) => {
                self.next += 1;
                Joint::Fallback
            }
            Some(Word::Comma | Word::Dot) => {
                self.next += 1;
                Joint::Adding
            }
            // The sign between two rules is missing.
            Some(_) => Joint::Adding,
        })
    }

    fn rule(&mut self, joint: Joint) -> Result<Rule, Misread> {
        let mut draft = Draft::default();
        while let Some(word) = self.peek() {
            match word {
                Word::Semicolon | Word::Or => break,
                Word::Comma | Word::Dot if draft.is_full() || draft.comment.is_some() => {
                    let ended = matches!(self.tokens[self.next - 1].word, Word::State(_) | Word::Comment(_));
                    if ended || draft.spans.is_empty() || !self.is_time(1) {
                        break;
                    }
                    self.next += 1;
                    draft.spans.push(self.span()?);
                }
                Word::Comma | Word::Dot if self.tokens.len() == self.next + 1 => self.next += 1,
                Word::Comma => {
                    return self.refuse("joins days of different kinds: write a rule of its own for each, with a semicolon between them");
                }
                Word::Colon | Word::Filler | Word::Dot if !draft.is_empty() => self.next += 1,
                Word::Comment(comment) => {
                    draft.comment = Some(comment.clone());
                    self.next += 1;
                }
                Word::State(state) => {
                    draft.state = Some(*state);
                    self.next += 1;
                }
                Word::Number(24) if self.at(1) == Some(&Word::Slash) && self.at(2) == Some(&Word::Number(7)) => {
                    draft.always = true;
                    self.next += 3;
                }
                _ if self.is_time(0) => draft.spans.push(self.span()?),
                _ if draft.state.is_some() => return self.refuse("comes after open, closed or unknown; a semicolon is missing before it"),
                _ if draft.is_full() => break,
                _ => self.days(&mut draft.days)?,
            }
        }
        if draft.is_empty() {
            return self.refuse("begins no rule");
        }
        let implied = if draft.comment.is_some() { State::Unknown } else { State::Open };
        Ok(Rule {
            joint,
            days: draft.days,
            spans: draft.spans,
            state: draft.state.unwrap_or(implied),
            comment: draft.comment.unwrap_or_default(),
        })
    }

    fn days(&mut self, days: &mut Days) -> Result<(), Misread> {
        match self.peek() {
            Some(Word::Weekday(_) | Word::PublicHoliday | Word::SchoolHoliday) => self.weekdays(days),
            Some(Word::Daily) => {
                self.next += 1;
                days.weekdays.push(Weekdays { from: Weekday::Monday, to: Weekday::Sunday, nth: Vec::new(), offset_days: 0 });
                Ok(())
            }
            Some(Word::Month(_) | Word::Easter) => self.dates(days),
            Some(Word::Number(_)) if self.is_year(0) && matches!(self.at(1), Some(Word::Month(_) | Word::Easter)) => self.dates(days),
            Some(Word::Number(_)) if self.is_year(0) => self.years(days),
            Some(Word::Week) => self.weeks(days),
            _ => self.refuse("is not expected here"),
        }
    }

    fn weekdays(&mut self, days: &mut Days) -> Result<(), Misread> {
        let had = (days.weekdays.len(), days.holidays.len());
        loop {
            match self.peek() {
                Some(Word::PublicHoliday | Word::SchoolHoliday) => {
                    let school = self.take(&Word::SchoolHoliday) || !self.take(&Word::PublicHoliday);
                    days.holidays.push(Holiday { school, offset_days: self.offset()? });
                }
                Some(Word::Weekday(from)) => {
                    let from = *from;
                    self.next += 1;
                    let to = match (self.peek(), self.at(1)) {
                        (Some(Word::Minus), Some(Word::Weekday(to))) => {
                            let to = *to;
                            self.next += 2;
                            to
                        }
                        _ => from,
                    };
                    let nth = if self.peek() == Some(&Word::Bracket) { self.nth()? } else { Vec::new() };
                    days.weekdays.push(Weekdays { from, to, nth, offset_days: self.offset()? });
                }
                _ => return self.refuse("is not expected in a list of days"),
            }
            let another = |word: Option<&Word>| matches!(word, Some(Word::Weekday(_) | Word::PublicHoliday | Word::SchoolHoliday));
            let dot = self.peek() == Some(&Word::Dot);
            match self.peek() {
                Some(Word::Comma) if another(self.at(1)) => self.next += 1,
                // `Su.PH`, and the dot of an abbreviation.
                Some(Word::Dot) if another(self.at(1)) => self.next += 1,
                _ => {
                    self.next += usize::from(dot);
                    break;
                }
            }
        }
        days.both |= matches!((had, days.weekdays.is_empty(), days.holidays.is_empty()), ((1.., 0), _, false) | ((0, 1..), false, _));
        Ok(())
    }

    /// `[1,3-4,-1]`
    fn nth(&mut self) -> Result<Vec<i8>, Misread> {
        const REASON: &str = "does not say which one of the month: 1 to 5, or -1 for the last";
        self.next += 1;
        let mut nth = Vec::new();
        loop {
            let minus = self.take(&Word::Minus);
            let first: i8 = self.number(1..=5, REASON)?;
            if minus {
                nth.push(-first);
            } else if self.take(&Word::Minus) {
                nth.extend(first..=self.number(1..=5, REASON)?);
            } else {
                nth.push(first);
            }
            if !self.take(&Word::Comma) {
                break;
            }
        }
        if self.take(&Word::BracketEnd) { Ok(nth) } else { self.refuse("stands where a ] is missing") }
    }

    /// ` +2 days`; 0 where there is none.
    fn offset(&mut self) -> Result<i16, Misread> {
        let sign = match self.peek() {
            Some(Word::Plus) => 1,
            Some(Word::Minus) => -1,
            _ => return Ok(0),
        };
        if !matches!((self.at(1), self.at(2)), (Some(Word::Number(_)), Some(Word::Day))) {
            return Ok(0);
        }
        self.next += 1;
        let days: i16 = self.number(0..=OFFSET_DAYS_MAX, "is more than a year")?;
        self.next += 1;
        Ok(sign * days)
    }

    fn dates(&mut self, days: &mut Days) -> Result<(), Misread> {
        loop {
            let first = self.next;
            let mut from = self.day_of_year(None)?;
            let to = if self.peek() == Some(&Word::Minus) && self.is_date_end() {
                self.next += 1;
                let to = self.day_of_year(Some(&from))?;
                if from.year.is_none() {
                    from.year = to.year;
                }
                Some(to)
            } else {
                None
            };
            if let (Some(begin), Some(end)) = (from.year, to.as_ref().and_then(|to| to.year))
                && begin > end
            {
                return self.refuse_from(first, "ends before it begins");
            }
            let same_month = if let Anchor::Day(month, _) = to.as_ref().unwrap_or(&from).day { Some((from.year, month)) } else { None };
            days.dates.push(Dates { from, to });
            // `Dec 24,26`
            while let Some((year, month)) = same_month
                && self.peek() == Some(&Word::Comma)
                && matches!(self.at(1), Some(Word::Number(1..=31)))
                && !self.is_clock(1)
            {
                self.next += 1;
                let from = DayOfYear { year, day: self.day_in(month)?, offset_days: 0 };
                days.dates.push(Dates { from, to: None });
            }
            let more = match self.at(1) {
                Some(Word::Month(_) | Word::Easter) => true,
                Some(Word::Number(_)) => self.is_year(1) && matches!(self.at(2), Some(Word::Month(_) | Word::Easter)),
                _ => false,
            };
            if self.peek() != Some(&Word::Comma) || !more {
                return Ok(());
            }
            self.next += 1;
        }
    }

    /// Whether what comes after a dash ends a date, not hours.
    fn is_date_end(&self) -> bool {
        match self.at(1) {
            Some(Word::Month(_) | Word::Easter) => true,
            Some(Word::Number(1..=31)) => !self.is_clock(1),
            Some(Word::Number(_)) => self.is_year(1),
            _ => false,
        }
    }

    fn day_of_year(&mut self, begin: Option<&DayOfYear>) -> Result<DayOfYear, Misread> {
        let year = if self.is_year(0) { Some(self.number(YEARS, "is no year")?) } else { None };
        let day = match self.peek() {
            Some(Word::Easter) => {
                self.next += 1;
                Anchor::Easter
            }
            Some(Word::Month(month)) => {
                let month = *month;
                self.next += 1;
                self.take(&Word::Dot);
                match self.peek() {
                    Some(Word::Number(1..=31)) if !self.is_clock(0) => self.day_in(month)?,
                    // After a month as the beginning, `Oct-Apr Sa[1]`, it selects from the days of the whole range.
                    Some(Word::Weekday(weekday))
                        if self.at(1) == Some(&Word::Bracket) && !matches!(begin, Some(DayOfYear { day: Anchor::Month(_), .. })) =>
                    {
                        let (weekday, back) = (*weekday, self.next);
                        self.next += 1;
                        let nth = self.nth()?;
                        let listed = self.peek() == Some(&Word::Comma) && matches!(self.at(1), Some(Word::Weekday(_)));
                        match nth[..] {
                            [nth] if !listed => Anchor::Weekday(month, weekday, nth),
                            // A list of weekdays in that month.
                            _ => {
                                self.next = back;
                                Anchor::Month(month)
                            }
                        }
                    }
                    _ => Anchor::Month(month),
                }
            }
            // `Dec 24-26`
            Some(Word::Number(1..=31)) => match begin.map(|begin| begin.day) {
                Some(Anchor::Day(month, first)) => {
                    let at = self.next;
                    let day = self.day_in(month)?;
                    if matches!(day, Anchor::Day(_, last) if last < first) {
                        return self.refuse_from(at, "is before the first day; name the month of the last day, too");
                    }
                    day
                }
                _ => return self.refuse("is a day without a month"),
            },
            _ => return self.refuse("stands where a date should be, such as Dec 24"),
        };
        let year = year.or_else(|| {
            begin
                .and_then(|begin| begin.year)
                .filter(|_| matches!(day, Anchor::Day(..)) && begin.is_some_and(|begin| same_month(begin.day, day)))
        });
        Ok(DayOfYear { year, day, offset_days: self.offset()? })
    }

    fn day_in(&mut self, month: i8) -> Result<Anchor, Misread> {
        // 2000 was a leap year.
        let last = Date::new(2_000, month, 1).map_or(31, Date::days_in_month);
        let day = self.number(1..=i32::from(last), "is a day that the month does not have")?;
        self.take(&Word::Dot);
        Ok(Anchor::Day(month, day))
    }

    fn years(&mut self, days: &mut Days) -> Result<(), Misread> {
        loop {
            let first = self.next;
            let from: i16 = self.number(YEARS, "is no year")?;
            let to = if self.take(&Word::Plus) {
                None
            } else if self.take(&Word::Minus) {
                Some(self.number(YEARS, "is no year")?)
            } else {
                Some(from)
            };
            if to.is_some_and(|to| to < from) {
                return self.refuse_from(first, "ends before it begins");
            }
            let step = if self.take(&Word::Slash) { self.number(1..=1_000, "is no number of years")? } else { 1 };
            days.years.push(Years { from, to, step });
            if self.peek() != Some(&Word::Comma) || !self.is_year(1) {
                return Ok(());
            }
            self.next += 1;
        }
    }

    fn weeks(&mut self, days: &mut Days) -> Result<(), Misread> {
        self.next += 1;
        loop {
            let first = self.next;
            let from: i8 = self.number(1..=53, "is no week of a year: 1 to 53")?;
            let to = if self.take(&Word::Minus) { self.number(1..=53, "is no week of a year: 1 to 53")? } else { from };
            if to < from {
                return self.refuse_from(first, "ends before it begins");
            }
            let step = if self.take(&Word::Slash) { self.number(1..=53, "is no number of weeks")? } else { 1 };
            days.weeks.push(Weeks { from, to, step });
            if self.peek() != Some(&Word::Comma) || !matches!(self.at(1), Some(Word::Number(1..=53))) || self.is_clock(1) {
                return Ok(());
            }
            self.next += 1;
        }
    }

    fn number<T: TryFrom<i32>>(&mut self, range: std::ops::RangeInclusive<i32>, reason: &'static str) -> Result<T, Misread> {
        match self.peek() {
            Some(Word::Number(number)) if range.contains(number) => {
                let Ok(number) = T::try_from(*number) else { return self.refuse(reason) };
                self.next += 1;
                Ok(number)
            }
            _ => self.refuse(reason),
        }
    }

    fn is_year(&self, ahead: usize) -> bool {
        matches!(self.at(ahead), Some(Word::Number(number)) if YEARS.contains(number)) && !self.is_clock(ahead)
    }

    /// `10:30`, also with a dot; not the `24:` of `Dec 24: 10:00`.
    fn is_clock(&self, ahead: usize) -> bool {
        let token = |ahead: usize| self.tokens.get(self.next + ahead);
        let (Some(hour), Some(sign), Some(minute)) = (token(ahead), token(ahead + 1), token(ahead + 2)) else { return false };
        matches!((&hour.word, &sign.word, &minute.word), (Word::Number(_), Word::Colon | Word::Dot, Word::Number(_)))
            && hour.to == sign.from
            && sign.to == minute.from
            && minute.to - minute.from == 2
    }

    fn is_time(&self, ahead: usize) -> bool {
        match self.at(ahead) {
            Some(Word::Sun(_) | Word::Open) => true,
            Some(Word::Number(_)) => !self.is_year(ahead),
            Some(Word::Filler) => matches!(self.at(ahead + 1), Some(Word::Number(_))),
            _ => false,
        }
    }

    fn span(&mut self) -> Result<Span, Misread> {
        let first = self.next;
        let from = self.time()?;
        if matches!(from, Time::Minute(1_440..)) {
            return self.refuse_from(first, "begins after the end of the day");
        }
        let span = if self.take(&Word::Plus) || self.take(&Word::OpenEnd) {
            Span { from, to: None, open_end: true }
        } else if self.take(&Word::Minus) {
            if self.take(&Word::OpenEnd) {
                Span { from, to: None, open_end: true }
            } else {
                let to = self.time()?;
                Span { from, to: Some(to), open_end: self.take(&Word::Plus) || self.take(&Word::OpenEnd) }
            }
        } else {
            return self.refuse_from(first, "has no end: write 10:00-18:00, or 10:00+ for an open end");
        };
        if matches!(span.to, Some(Time::Minute(2_881..))) {
            return self.refuse_from(first, "spans more than two days");
        }
        if self.peek() == Some(&Word::Slash) {
            return self.refuse("repeats points in time, which are no opening hours");
        }
        Ok(span)
    }

    fn time(&mut self) -> Result<Time, Misread> {
        while self.take(&Word::Filler) {}
        if self.take(&Word::Open) {
            let Some(Word::Sun(event)) = self.peek().cloned() else { return self.refuse("stands where sunrise or sunset should be") };
            self.next += 1;
            let sign = if self.take(&Word::Plus) {
                1
            } else if self.take(&Word::Minus) {
                -1
            } else {
                return self.refuse("stands where a + or - should be, as in (sunrise+01:00)");
            };
            let offset = self.clock()?;
            return if self.take(&Word::Close) { Ok(Time::Sun(event, sign * offset)) } else { self.refuse("stands where a ) is missing") };
        }
        if let Some(Word::Sun(event)) = self.peek().cloned() {
            self.next += 1;
            return Ok(Time::Sun(event, 0));
        }
        let first = self.next;
        let mut minute = self.clock()?;
        match self.peek() {
            Some(Word::Am | Word::Pm) if !(60..780).contains(&minute) => {
                return self.refuse_from(first, "is no hour of the twelve before or after noon");
            }
            Some(Word::Am) => minute %= 720,
            Some(Word::Pm) => minute = minute % 720 + 720,
            _ => {}
        }
        self.next += usize::from(matches!(self.peek(), Some(Word::Am | Word::Pm)));
        while self.take(&Word::Filler) {}
        Ok(Time::Minute(minute))
    }

    /// Minutes since midnight.
    fn clock(&mut self) -> Result<i16, Misread> {
        let timed = self.is_clock(0);
        let hour: i16 = self.number(0..=48, "is no hour: hours are written as 09:00")?;
        if !timed {
            return Ok(hour * 60);
        }
        self.next += 1;
        let minute: i16 = self.number(0..=59, "is more than 59 minutes")?;
        Ok(hour * 60 + minute)
    }
}

fn same_month(one: Anchor, other: Anchor) -> bool {
    matches!((one, other), (Anchor::Day(one, _), Anchor::Day(other, _)) if one == other)
}
