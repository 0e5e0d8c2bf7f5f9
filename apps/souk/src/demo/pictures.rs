//! The pictures of the demo, drawn: a few shapes in colours that follow from the name, so that no two things look alike.

use kernel::stable_id;

/// Pixels of a side; the shapes are measured in hundredths of it.
const SIDE: usize = 480;
/// Each pixel is looked at in so many places a side, so that edges are smooth.
const SAMPLES: usize = 2;
const PNG_LEVEL: u8 = 8;

enum Form {
    /// Middle and radii.
    Oval(f32, f32, f32, f32),
    /// Left, top, width, height, radius of the corners.
    Slab(f32, f32, f32, f32, f32),
    /// Middle, top and its width, bottom and its width.
    Taper(f32, f32, f32, f32, f32),
    /// Middle, outer and inner radius.
    Ring(f32, f32, f32, f32),
}

#[derive(Clone, Copy)]
enum Tone {
    Main,
    Dark,
    Light,
    Accent,
}

use Form::{Oval, Ring, Slab, Taper};
use Tone::{Accent, Dark, Light, Main};

impl Form {
    fn covers(&self, x: f32, y: f32) -> bool {
        match *self {
            Oval(cx, cy, rx, ry) => ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0,
            Slab(left, top, width, height, corner) => {
                let beyond = |at: f32, from: f32, size: f32| (from + corner - at).max(at - (from + size - corner)).max(0.0);
                let inside = (left..=left + width).contains(&x) && (top..=top + height).contains(&y);
                inside && (corner == 0.0 || beyond(x, left, width).hypot(beyond(y, top, height)) <= corner)
            }
            Taper(cx, top, top_width, bottom, bottom_width) => {
                let width = top_width + (bottom_width - top_width) * (y - top) / (bottom - top);
                (top..=bottom).contains(&y) && (x - cx).abs() <= width / 2.0
            }
            Ring(cx, cy, outer, inner) => (inner..=outer).contains(&(x - cx).hypot(y - cy)),
        }
    }
}

type Shape = &'static [(Form, Tone)];

/// Each from the back to the front.
const SHAPES: &[(&str, Shape)] = &[
    (
        "cup",
        &[
            (Oval(47.0, 75.0, 30.0, 5.0), Light),
            (Ring(67.0, 53.0, 13.0, 8.0), Dark),
            (Taper(47.0, 38.0, 42.0, 72.0, 28.0), Main),
            (Oval(47.0, 38.0, 21.0, 5.0), Light),
            (Oval(47.0, 38.5, 18.0, 3.6), Accent),
            (Slab(40.0, 18.0, 3.0, 13.0, 1.5), Light),
            (Slab(50.0, 14.0, 3.0, 17.0, 1.5), Light),
        ],
    ),
    (
        "tin",
        &[
            (Slab(31.0, 30.0, 38.0, 48.0, 3.0), Main),
            (Slab(29.0, 23.0, 42.0, 10.0, 2.0), Dark),
            (Slab(31.0, 43.0, 38.0, 20.0, 0.0), Light),
            (Oval(50.0, 53.0, 6.0, 6.0), Accent),
        ],
    ),
    (
        "jar",
        &[
            (Slab(31.0, 33.0, 38.0, 46.0, 8.0), Main),
            (Slab(34.0, 23.0, 32.0, 11.0, 3.0), Dark),
            (Slab(31.0, 48.0, 38.0, 18.0, 0.0), Light),
            (Slab(37.0, 53.0, 26.0, 2.4, 1.0), Accent),
            (Slab(37.0, 58.5, 18.0, 2.4, 1.0), Accent),
        ],
    ),
    (
        "bottle",
        &[
            (Slab(39.0, 38.0, 22.0, 42.0, 4.0), Main),
            (Taper(50.0, 27.0, 8.0, 41.0, 22.0), Main),
            (Slab(46.0, 15.0, 8.0, 14.0, 1.0), Main),
            (Slab(45.0, 11.0, 10.0, 6.0, 1.0), Dark),
            (Slab(39.0, 51.0, 22.0, 17.0, 0.0), Light),
            (Oval(50.0, 59.5, 4.0, 5.0), Accent),
        ],
    ),
    (
        "bowl",
        &[
            (Slab(41.0, 70.0, 18.0, 6.0, 1.0), Dark),
            (Taper(50.0, 46.0, 62.0, 72.0, 26.0), Main),
            (Oval(50.0, 46.0, 31.0, 8.0), Light),
            (Oval(50.0, 46.5, 27.0, 6.0), Dark),
            (Oval(40.0, 45.0, 5.0, 4.0), Accent),
            (Oval(50.0, 44.0, 5.0, 4.0), Accent),
            (Oval(60.0, 45.5, 5.0, 4.0), Accent),
        ],
    ),
    (
        "plate",
        &[
            (Oval(50.0, 53.0, 37.0, 27.0), Main),
            (Oval(50.0, 52.0, 32.0, 22.5), Light),
            (Oval(50.0, 52.0, 25.0, 17.0), Main),
            (Oval(50.0, 51.5, 23.0, 15.0), Light),
            (Oval(50.0, 52.0, 5.0, 3.6), Accent),
        ],
    ),
    (
        "tajine",
        &[
            (Oval(50.0, 64.0, 34.0, 11.0), Dark),
            (Taper(50.0, 24.0, 8.0, 61.0, 54.0), Main),
            (Slab(30.0, 50.0, 40.0, 3.0, 0.0), Accent),
            (Oval(50.0, 61.0, 27.0, 4.0), Main),
            (Oval(50.0, 21.0, 6.0, 5.0), Dark),
        ],
    ),
    (
        "pot",
        &[
            (Oval(50.0, 79.0, 24.0, 4.0), Dark),
            (Oval(38.0, 28.0, 9.0, 14.0), Accent),
            (Oval(62.0, 28.0, 9.0, 14.0), Accent),
            (Oval(50.0, 24.0, 9.0, 16.0), Accent),
            (Taper(50.0, 46.0, 42.0, 78.0, 28.0), Main),
            (Slab(27.0, 40.0, 46.0, 9.0, 2.0), Dark),
        ],
    ),
    (
        "tile",
        &[
            (Slab(24.0, 26.0, 24.0, 24.0, 2.0), Main),
            (Slab(52.0, 26.0, 24.0, 24.0, 2.0), Accent),
            (Slab(24.0, 54.0, 24.0, 24.0, 2.0), Accent),
            (Slab(52.0, 54.0, 24.0, 24.0, 2.0), Main),
            (Oval(36.0, 38.0, 7.0, 7.0), Light),
            (Oval(64.0, 38.0, 7.0, 7.0), Light),
            (Oval(36.0, 66.0, 7.0, 7.0), Light),
            (Oval(64.0, 66.0, 7.0, 7.0), Light),
        ],
    ),
    (
        "cloth",
        &[
            (Slab(22.0, 32.0, 56.0, 46.0, 3.0), Main),
            (Slab(22.0, 28.0, 56.0, 7.0, 3.0), Dark),
            (Slab(22.0, 42.0, 56.0, 3.0, 0.0), Light),
            (Slab(22.0, 48.0, 56.0, 3.0, 0.0), Light),
            (Slab(22.0, 66.0, 56.0, 5.0, 0.0), Accent),
        ],
    ),
    (
        "rug",
        &[
            (Slab(16.0, 34.0, 68.0, 40.0, 0.0), Light),
            (Slab(20.0, 34.0, 60.0, 40.0, 0.0), Main),
            (Slab(25.0, 39.0, 50.0, 30.0, 0.0), Dark),
            (Slab(28.0, 42.0, 44.0, 24.0, 0.0), Light),
            (Oval(50.0, 54.0, 15.0, 8.0), Accent),
            (Oval(50.0, 54.0, 8.0, 4.0), Main),
        ],
    ),
    (
        "cushion",
        &[
            (Slab(24.0, 28.0, 52.0, 50.0, 12.0), Main),
            (Slab(31.0, 35.0, 38.0, 36.0, 6.0), Light),
            (Oval(50.0, 53.0, 12.0, 12.0), Accent),
            (Oval(50.0, 53.0, 6.0, 6.0), Dark),
        ],
    ),
    (
        "slipper",
        &[
            (Oval(38.0, 60.0, 13.0, 20.0), Dark),
            (Oval(38.0, 50.0, 13.0, 13.0), Main),
            (Oval(62.0, 60.0, 13.0, 20.0), Dark),
            (Oval(62.0, 50.0, 13.0, 13.0), Main),
            (Oval(38.0, 68.0, 8.0, 9.0), Light),
            (Oval(62.0, 68.0, 8.0, 9.0), Light),
        ],
    ),
    (
        "basket",
        &[
            (Ring(50.0, 40.0, 23.0, 19.5), Dark),
            (Taper(50.0, 42.0, 62.0, 79.0, 44.0), Main),
            (Slab(19.0, 41.0, 62.0, 6.0, 2.0), Dark),
            (Slab(25.0, 54.0, 50.0, 3.0, 0.0), Light),
            (Slab(27.0, 64.0, 46.0, 3.0, 0.0), Light),
        ],
    ),
    (
        "soap",
        &[
            (Slab(25.0, 45.0, 50.0, 28.0, 9.0), Main),
            (Slab(30.0, 50.0, 40.0, 18.0, 6.0), Light),
            (Oval(50.0, 59.0, 9.0, 5.0), Dark),
            (Oval(34.0, 33.0, 5.0, 5.0), Light),
            (Oval(47.0, 26.0, 7.0, 7.0), Light),
            (Oval(61.0, 34.0, 4.0, 4.0), Light),
        ],
    ),
    (
        "glove",
        &[
            (Slab(35.0, 34.0, 30.0, 40.0, 12.0), Main),
            (Oval(30.0, 52.0, 6.0, 11.0), Main),
            (Slab(34.0, 68.0, 32.0, 10.0, 2.0), Dark),
            (Slab(42.0, 40.0, 2.0, 22.0, 1.0), Light),
            (Slab(49.0, 40.0, 2.0, 22.0, 1.0), Light),
            (Slab(56.0, 40.0, 2.0, 22.0, 1.0), Light),
        ],
    ),
    (
        "box",
        &[
            (Slab(24.0, 40.0, 52.0, 38.0, 2.0), Main),
            (Slab(21.0, 31.0, 58.0, 11.0, 2.0), Dark),
            (Slab(45.0, 31.0, 10.0, 47.0, 0.0), Accent),
            (Oval(43.0, 27.0, 7.0, 4.5), Accent),
            (Oval(57.0, 27.0, 7.0, 4.5), Accent),
        ],
    ),
    (
        "lantern",
        &[
            (Ring(50.0, 16.0, 6.0, 4.0), Dark),
            (Taper(50.0, 21.0, 10.0, 36.0, 44.0), Dark),
            (Slab(31.0, 36.0, 38.0, 32.0, 3.0), Main),
            (Oval(50.0, 52.0, 12.0, 13.0), Light),
            (Oval(50.0, 54.0, 4.0, 8.0), Accent),
            (Taper(50.0, 68.0, 40.0, 78.0, 24.0), Dark),
        ],
    ),
    (
        "lamp",
        &[
            (Taper(50.0, 20.0, 24.0, 46.0, 54.0), Light),
            (Slab(48.0, 46.0, 4.0, 8.0, 0.0), Dark),
            (Oval(50.0, 63.0, 12.0, 13.0), Main),
            (Slab(44.0, 57.0, 12.0, 3.0, 1.0), Accent),
            (Oval(50.0, 77.0, 18.0, 4.0), Dark),
        ],
    ),
    (
        "pendant",
        &[
            (Slab(49.2, 4.0, 1.6, 28.0, 0.0), Dark),
            (Oval(50.0, 50.0, 25.0, 22.0), Main),
            (Oval(50.0, 50.0, 17.0, 22.0), Light),
            (Oval(50.0, 50.0, 8.0, 22.0), Main),
            (Slab(42.0, 28.0, 16.0, 4.0, 1.0), Dark),
            (Oval(50.0, 72.0, 7.0, 2.4), Accent),
        ],
    ),
    (
        "candle",
        &[
            (Oval(50.0, 80.0, 22.0, 5.0), Dark),
            (Slab(35.0, 44.0, 12.0, 36.0, 2.0), Main),
            (Slab(53.0, 36.0, 12.0, 44.0, 2.0), Main),
            (Slab(40.2, 38.0, 1.6, 7.0, 0.0), Dark),
            (Slab(58.2, 30.0, 1.6, 7.0, 0.0), Dark),
            (Oval(41.0, 33.0, 3.4, 6.0), Accent),
            (Oval(59.0, 25.0, 3.4, 6.0), Accent),
        ],
    ),
    (
        "teapot",
        &[
            (Ring(73.0, 54.0, 14.0, 10.0), Dark),
            (Taper(22.0, 34.0, 7.0, 64.0, 18.0), Main),
            (Oval(48.0, 57.0, 26.0, 21.0), Main),
            (Oval(48.0, 38.0, 13.0, 4.0), Dark),
            (Oval(48.0, 32.0, 4.0, 4.0), Dark),
            (Slab(26.0, 56.0, 44.0, 3.0, 0.0), Light),
        ],
    ),
    (
        "cezve",
        &[
            (Slab(60.0, 38.0, 30.0, 5.0, 2.5), Dark),
            (Taper(44.0, 36.0, 30.0, 76.0, 42.0), Main),
            (Oval(44.0, 36.0, 15.0, 4.0), Light),
            (Oval(44.0, 36.5, 12.0, 2.8), Dark),
            (Slab(25.0, 62.0, 38.0, 3.0, 0.0), Light),
        ],
    ),
    (
        "mill",
        &[
            (Slab(38.0, 34.0, 24.0, 46.0, 4.0), Main),
            (Oval(50.0, 34.0, 13.0, 7.0), Dark),
            (Slab(49.0, 18.0, 2.0, 12.0, 0.0), Dark),
            (Slab(49.0, 16.0, 24.0, 3.0, 1.5), Dark),
            (Oval(73.0, 14.0, 4.0, 5.0), Accent),
            (Slab(38.0, 56.0, 24.0, 3.0, 0.0), Light),
        ],
    ),
    (
        "board",
        &[
            (Slab(18.0, 36.0, 52.0, 36.0, 8.0), Main),
            (Slab(66.0, 49.0, 20.0, 10.0, 5.0), Main),
            (Oval(80.0, 54.0, 2.4, 2.4), Light),
            (Slab(25.0, 44.0, 36.0, 1.6, 0.8), Dark),
            (Slab(29.0, 53.0, 34.0, 1.6, 0.8), Dark),
            (Slab(25.0, 62.0, 30.0, 1.6, 0.8), Dark),
        ],
    ),
    (
        "bread",
        &[
            (Oval(50.0, 58.0, 33.0, 20.0), Dark),
            (Oval(50.0, 55.0, 32.0, 19.0), Main),
            (Slab(34.0, 43.0, 4.0, 20.0, 2.0), Light),
            (Slab(48.0, 40.0, 4.0, 22.0, 2.0), Light),
            (Slab(62.0, 43.0, 4.0, 20.0, 2.0), Light),
        ],
    ),
];

/// A PNG of a thing of this shape; `None` for a shape that cannot be drawn.
pub fn draw(shape: &str, name: &str) -> Option<Vec<u8>> {
    let (_, forms) = SHAPES.iter().find(|(known, _)| *known == shape)?;
    let chance = stable_id(&["demo-picture", name]);
    // Browns, reds and greens suit a market; the number itself is chance.
    let hue = (chance % 360) as f32;
    let (ground, plate, shadow) = (colour(hue + 40.0, 0.35, 0.94), colour(hue + 40.0, 0.4, 0.88), colour(hue + 40.0, 0.3, 0.78));
    let paint = |tone: Tone| match tone {
        Main => colour(hue, 0.5, 0.52),
        Dark => colour(hue, 0.5, 0.34),
        Light => colour(hue, 0.45, 0.8),
        Accent => colour(hue + 150.0, 0.55, 0.55),
    };
    let at = |x: f32, y: f32| {
        let front = forms.iter().rev().find(|(form, _)| form.covers(x, y)).map(|(_, tone)| paint(*tone));
        let behind = || match () {
            () if Oval(50.0, 82.0, 30.0, 4.0).covers(x, y) => shadow,
            () if Oval(50.0, 50.0, 44.0, 44.0).covers(x, y) => plate,
            () => ground,
        };
        front.unwrap_or_else(behind)
    };
    let step = 100.0 / (SIDE * SAMPLES) as f32;
    let mut rows = Vec::with_capacity(SIDE * (1 + 3 * SIDE));
    for y in 0..SIDE {
        // No filter: neighbours are alike.
        rows.push(0);
        for x in 0..SIDE {
            let mut sum = [0_u16; 3];
            for sample in 0..SAMPLES * SAMPLES {
                let (right, down) = (x * SAMPLES + sample % SAMPLES, y * SAMPLES + sample / SAMPLES);
                let seen = at((right as f32 + 0.5) * step, (down as f32 + 0.5) * step);
                sum.iter_mut().zip(seen).for_each(|(sum, channel)| *sum += u16::from(channel));
            }
            rows.extend(sum.map(|channel| (channel / (SAMPLES * SAMPLES) as u16) as u8));
        }
    }
    Some(png(&rows))
}

/// From hue in degrees, saturation and lightness from 0 to 1.
fn colour(hue: f32, saturation: f32, lightness: f32) -> [u8; 3] {
    let strength = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let place = (offset + hue / 30.0) % 12.0;
        let channel = lightness - strength * (place - 3.0).min(9.0 - place).clamp(-1.0, 1.0);
        (channel * 255.0).round() as u8
    })
}

/// Rows of red, green and blue, each after its filter, as a file.
fn png(rows: &[u8]) -> Vec<u8> {
    let side = (SIDE as u32).to_be_bytes();
    let mut header = [side, side].concat();
    // Eight bits a channel, three channels, and nothing unusual.
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", miniz_oxide::deflate::compress_to_vec_zlib(rows, PNG_LEVEL)), (b"IEND", Vec::new())] {
        let body = [&kind[..], &data].concat();
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(&body);
        file.extend(crc32(&body).to_be_bytes());
    }
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step =
        |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 });
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_small_and_the_same_each_time() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let cup = draw("cup", "mint-tea").unwrap();
        assert!(cup.starts_with(b"\x89PNG") && cup.len() < 20_000, "{} bytes", cup.len());
        assert_eq!(draw("cup", "mint-tea").unwrap(), cup);
        assert_ne!(draw("cup", "rose-tea").unwrap(), cup);
        assert_eq!(draw("unicorn", "mint-tea"), None);
    }
}
