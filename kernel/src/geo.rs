//! Places on Earth.

use serde::{Deserialize, Serialize};

/// Degrees have seven decimals, about a centimetre, as OpenStreetMap keeps them.
const STEPS_PER_DEGREE: f64 = 1e7;
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Latitude and longitude in degrees (WGS 84), to seven decimals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Degrees")]
pub struct GeoPosition {
    /// North is positive.
    #[schema(minimum = -90, maximum = 90, example = 48.1374)]
    pub lat: f64,
    /// East is positive.
    #[schema(minimum = -180, maximum = 180, example = 11.5755)]
    pub lon: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Degrees {
    lat: f64,
    lon: f64,
}

impl TryFrom<Degrees> for GeoPosition {
    type Error = &'static str;

    fn try_from(degrees: Degrees) -> Result<Self, Self::Error> {
        Self::new(degrees.lat, degrees.lon).ok_or("a latitude is from -90 to 90 degrees, a longitude from -180 to 180")
    }
}

impl GeoPosition {
    /// Rounds to seven decimals, so that a position that is written and read again is the same one.
    /// `None` outside the Earth.
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        let round = |degrees: f64| (degrees * STEPS_PER_DEGREE).round() / STEPS_PER_DEGREE;
        let inside = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        inside.then(|| Self { lat: round(lat), lon: round(lon) })
    }

    /// The way over the ground in metres (haversine on a sphere; off by 0.5 % at most).
    pub fn distance_m(self, other: Self) -> f64 {
        let (lat, other_lat) = (self.lat.to_radians(), other.lat.to_radians());
        let across = ((other_lat - lat) / 2.0).sin();
        let along = ((other.lon - self.lon).to_radians() / 2.0).sin();
        let half_chord = (across * across + lat.cos() * other_lat.cos() * along * along).clamp(0.0, 1.0);
        2.0 * EARTH_RADIUS_M * half_chord.sqrt().asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_as_they_were() {
        for (lat, lon) in [(48.109_315_4, 11.670_722_4), (-33.856_784_4, 151.215_297_1), (90.0, -180.0), (0.1 + 0.2, 1.0 / 3.0)] {
            let position = GeoPosition::new(lat, lon).unwrap();
            let text = serde_json::to_string(&position).unwrap();
            assert_eq!(serde_json::from_str::<GeoPosition>(&text).unwrap(), position, "{text}");
        }
        for (lat, lon) in [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(GeoPosition::new(lat, lon), None);
        }
        assert!(serde_json::from_str::<GeoPosition>(r#"{"lat":91,"lon":0}"#).is_err());
    }

    #[test]
    fn distances() {
        let at = |lat, lon| GeoPosition::new(lat, lon).unwrap();
        for (from, to, expect_m) in [
            (at(48.137_4, 11.575_5), at(48.137_4, 11.575_5), 0.0),
            (at(0.0, 0.0), at(0.0, 1.0), 111_195.0),
            (at(48.137_4, 11.575_5), at(52.520_0, 13.405_0), 504_100.0),
            (at(0.0, 179.5), at(0.0, -179.5), 111_195.0),
        ] {
            let distance = from.distance_m(to);
            assert!((distance - expect_m).abs() <= expect_m * 0.002, "{distance} m, expected {expect_m} m");
        }
    }
}
