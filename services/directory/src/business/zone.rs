//! Time zones by position.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use hours::is_time_zone;
use kernel::{GeoPosition, Problem};
use tzf_rs::EmbeddedFinder;

use super::profile::Profile;

type Read = dyn Fn() -> Result<Cow<'static, [u8]>, String> + Send + Sync;

/// The borders of the world's time zones. They are read once somebody asks, and searched in the form in
/// which they are stored: an index over them takes some hundred kilobytes.
#[derive(Clone)]
pub struct TimeZoneMap(Arc<Lazy>);

struct Lazy {
    read: Box<Read>,
    finder: OnceLock<EmbeddedFinder>,
}

impl TimeZoneMap {
    /// `read` gives them in the format of tzf (`.tzb`, four megabytes), or says why it cannot; then it is asked again the
    /// next time.
    pub fn new(read: impl Fn() -> Result<Cow<'static, [u8]>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Lazy { read: Box::new(read), finder: OnceLock::new() }))
    }

    fn finder(&self) -> Result<&EmbeddedFinder, Problem> {
        if let Some(finder) = self.0.finder.get() {
            return Ok(finder);
        }
        let unreadable = |why: String| Problem::internal(format!("the map of time zones: {why}"));
        let bytes = (self.0.read)().map_err(unreadable)?;
        let finder = EmbeddedFinder::from_tzb(bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(self.0.finder.get_or_init(|| finder))
    }

    /// The zone of the position for a profile that states none. None on the high seas.
    pub(crate) fn completed(&self, profile: Profile) -> Result<Profile, Problem> {
        let stated = profile.time_zone.as_deref().is_some_and(|zone| !zone.trim().is_empty());
        match profile.position {
            Some(position) if !stated => Ok(Profile { time_zone: self.zone_of(position)?, ..profile }),
            Some(_) | None => Ok(profile),
        }
    }

    fn zone_of(&self, position: GeoPosition) -> Result<Option<String>, Problem> {
        let zone = self.finder()?.get_tz_name(position.lon, position.lat);
        // A zone of the sea is an offset without summer time, which no shop keeps.
        Ok((is_time_zone(zone) && !zone.starts_with("Etc/")).then(|| zone.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_have_zones() {
        let time_zones = TimeZoneMap::new(|| Ok(tzf_dist::load_lite_tzb().into()));
        for (lat, lon, stated, expect) in [
            (48.1374, 11.5755, None, Some("Europe/Berlin")),
            (38.7223, -9.1393, None, Some("Europe/Lisbon")),
            (37.7412, -25.6756, None, Some("Atlantic/Azores")),
            (40.7128, -74.006, Some(" "), Some("America/New_York")),
            (-33.8688, 151.2093, None, Some("Australia/Sydney")),
            (27.7172, 85.324, None, Some("Asia/Kathmandu")),
            (48.1374, 11.5755, Some("Europe/Vienna"), Some("Europe/Vienna")),
            (30.0, -40.0, None, None),
            (90.0, 0.0, None, None),
        ] {
            let profile = Profile { position: GeoPosition::new(lat, lon), time_zone: stated.map(str::to_owned), ..Profile::default() };
            assert_eq!(time_zones.completed(profile).unwrap().time_zone.as_deref(), expect, "{lat}, {lon}");
        }
        assert_eq!(time_zones.completed(Profile::default()).unwrap(), Profile::default());
    }

    #[test]
    fn borders_that_cannot_be_read_are_missed_by_who_needs_them() {
        let stated = Profile { position: GeoPosition::new(48.0, 11.0), time_zone: Some("Europe/Berlin".into()), ..Profile::default() };
        let unstated = Profile { time_zone: None, ..stated.clone() };
        let absent = TimeZoneMap::new(|| Err("there is no file".into()));
        let broken = TimeZoneMap::new(|| Ok(tzf_dist::load_lite_tzb()[..1_000_000].into()));
        for time_zones in [absent, broken] {
            assert_eq!(time_zones.completed(stated.clone()).unwrap(), stated);
            let problem = time_zones.completed(unstated.clone()).unwrap_err();
            assert_eq!(problem.code, kernel::Code::Internal);
        }
    }
}
