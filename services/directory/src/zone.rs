//! Time zones by position.

use std::sync::LazyLock;

use kernel::GeoPosition;
use tzf_rs::EmbeddedFinder;

use crate::hours::is_time_zone;
use crate::profile::Profile;

/// The borders lie in the binary and are read where they lie; what is made here takes some hundred kilobytes, and only
/// once somebody asks.
static FINDER: LazyLock<EmbeddedFinder> = LazyLock::new(EmbeddedFinder::new);

/// The zone of the position for a profile that states none. None on the high seas.
pub fn completed(profile: Profile) -> Profile {
    let stated = profile.time_zone.as_deref().is_some_and(|zone| !zone.trim().is_empty());
    match profile.position {
        Some(position) if !stated => Profile { time_zone: of_position(position), ..profile },
        Some(_) | None => profile,
    }
}

fn of_position(position: GeoPosition) -> Option<String> {
    let zone = FINDER.get_tz_name(position.lon, position.lat);
    // A zone of the sea is an offset without summer time, which no shop keeps.
    (is_time_zone(zone) && !zone.starts_with("Etc/")).then(|| zone.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_have_zones() {
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
            assert_eq!(completed(profile).time_zone.as_deref(), expect, "{lat}, {lon}");
        }
        assert_eq!(completed(Profile::default()), Profile::default());
    }
}
