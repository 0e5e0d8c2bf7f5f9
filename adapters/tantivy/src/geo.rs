//! Places in the index: H3 cells as terms to narrow down, the exact position in a column to decide.

use h3o::{CellIndex, LatLng, Resolution};
use kernel::GeoPosition;
use ports::search::Area;

/// From cells of 69 km edge to cells of 200 m.
const RESOLUTIONS: [Resolution; 4] = [Resolution::Three, Resolution::Five, Resolution::Seven, Resolution::Nine];
/// Rings of cells around the middle; one more resolution down is seven times as many.
const RINGS_MAX: u32 = 5;
/// Beyond this, cells narrow down too little to be worth their terms.
const NARROWED_METERS_MAX: f64 = 500_000.0;
const METERS_PER_DEGREE: f64 = 111_195.0;

pub fn cells(position: GeoPosition) -> impl Iterator<Item = String> {
    let place = LatLng::new(position.lat, position.lon).ok();
    place.into_iter().flat_map(|place| RESOLUTIONS.map(|resolution| place.to_cell(resolution).to_string()))
}

/// Cells that hold everything in the area, and more; none if it is too large to be narrowed down.
pub fn cover(area: &Area, around: Option<GeoPosition>) -> Option<Vec<String>> {
    let (middle, meters) = match (*area, around) {
        (Area::Radius(meters), Some(around)) => (around, meters),
        (Area::Radius(_), None) => return None,
        (Area::Bounds { south, west, north, east }, _) => {
            let east = if east < west { east + 360.0 } else { east };
            let lon = (west + east) / 2.0;
            let middle = GeoPosition::new((south + north) / 2.0, if lon > 180.0 { lon - 360.0 } else { lon })?;
            let height = (north - south) / 2.0 * METERS_PER_DEGREE;
            // The widest line of the bounds is the one nearest to the equator.
            let widest = if south <= 0.0 && north >= 0.0 { 0.0 } else { south.abs().min(north.abs()) };
            let width = (east - west) / 2.0 * METERS_PER_DEGREE * widest.to_radians().cos();
            (middle, height.hypot(width))
        }
    };
    if meters > NARROWED_METERS_MAX {
        return None;
    }
    let place = LatLng::new(middle.lat, middle.lon).ok()?;
    let fitting = RESOLUTIONS.iter().rev().find_map(|resolution| {
        // Each ring reaches at least one and a half edges further; cells shrink to 60 % of the mean
        // edge in places, and the position may lie at the border of its cell.
        let reach = resolution.edge_length_m() * 1.5 * 0.6;
        let rings = (meters / reach).ceil() + 1.0;
        (rings <= f64::from(RINGS_MAX)).then_some((*resolution, rings))
    });
    let (resolution, rings) = fitting.unwrap_or((Resolution::Three, (meters / (Resolution::Three.edge_length_m() * 0.9)).ceil() + 1.0));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let disk = place.to_cell(resolution).grid_disk::<Vec<CellIndex>>(rings as u32);
    Some(disk.into_iter().map(|cell| cell.to_string()).collect())
}

pub fn contains(area: &Area, around: Option<GeoPosition>, position: GeoPosition) -> bool {
    match (*area, around) {
        (Area::Radius(meters), Some(around)) => around.distance_m(position) <= meters,
        (Area::Radius(_), None) => false,
        (Area::Bounds { south, west, north, east }, _) => {
            let across = if west <= east { (west..=east).contains(&position.lon) } else { position.lon >= west || position.lon <= east };
            across && (south..=north).contains(&position.lat)
        }
    }
}

/// Both coordinates to seven decimals in one number.
pub fn pack(position: GeoPosition) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let steps = |degrees: f64, offset: f64| u64::from(((degrees + offset) * 1e7).round() as u32);
    steps(position.lat, 90.0) << 32 | steps(position.lon, 180.0)
}

pub fn unpack(packed: u64) -> GeoPosition {
    #[allow(clippy::cast_possible_truncation)]
    let degrees = |steps: u64, offset: f64| f64::from(steps as u32) / 1e7 - offset;
    GeoPosition { lat: degrees(packed >> 32, 90.0), lon: degrees(packed, 180.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64) -> GeoPosition {
        GeoPosition::new(lat, lon).unwrap()
    }

    #[test]
    fn packed_positions_come_back() {
        for position in [at(48.1374, 11.5755), at(-90.0, -180.0), at(90.0, 180.0), at(-33.8567844, 151.2152971)] {
            let back = unpack(pack(position));
            assert!(back.distance_m(position) < 0.02, "{position:?} {back:?}");
        }
    }

    #[test]
    fn a_cover_misses_nothing() {
        let middles = [at(48.1374, 11.5755), at(0.0, 179.999), at(-77.8, 166.6), at(64.1, -21.9), at(37.77, -122.41)];
        for middle in middles {
            for meters in [50.0, 300.0, 1_000.0, 5_000.0, 20_000.0, 100_000.0, 400_000.0] {
                let area = Area::Radius(meters);
                let cover = cover(&area, Some(middle)).unwrap();
                assert!(cover.len() <= 400, "{} cells", cover.len());
                for step in 0..72 {
                    let (sin, cos) = (f64::from(step) * 5.0).to_radians().sin_cos();
                    let away = meters * 0.999 / METERS_PER_DEGREE;
                    let lon = middle.lon + cos * away / middle.lat.to_radians().cos();
                    let Some(border) = GeoPosition::new(middle.lat + sin * away, (lon + 540.0) % 360.0 - 180.0) else { continue };
                    if contains(&area, Some(middle), border) {
                        assert!(cells(border).any(|cell| cover.contains(&cell)), "{middle:?} {meters} m, {border:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn bounds() {
        let munich = Area::Bounds { south: 48.0, west: 11.4, north: 48.3, east: 11.8 };
        assert!(contains(&munich, None, at(48.14, 11.58)) && !contains(&munich, None, at(48.4, 11.58)));
        let corner = at(48.29999, 11.79999);
        let cover_of = cover(&munich, None).unwrap();
        assert!(cells(corner).any(|cell| cover_of.contains(&cell)));
        let fiji = Area::Bounds { south: -19.0, west: 177.0, north: -16.0, east: -178.0 };
        assert!(
            contains(&fiji, None, at(-17.0, 179.9)) && contains(&fiji, None, at(-17.0, -179.0)) && !contains(&fiji, None, at(-17.0, 170.0))
        );
        let cover_of = cover(&fiji, None).unwrap();
        assert!(cells(at(-18.9, -178.1)).any(|cell| cover_of.contains(&cell)));
        assert_eq!(cover(&Area::Bounds { south: -80.0, west: -170.0, north: 80.0, east: 170.0 }, None), None);
    }
}
