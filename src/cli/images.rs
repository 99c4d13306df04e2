//! Pixels from files: npy and npz arrays, PNG and JPEG images, folders and lists of them.

use super::model::{npy_bytes, npy_of_type, npy_problem};
use super::resample;
use crate::problem::{Problem, Problems};
use crate::study::ImageFiles;
use crate::tensor::FeatureMap;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use ndarray::{Array3, Array4, Axis, Ix4};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// The most pixels a side of a picture may have.
const MOST_SIDE: u32 = 1 << 15;
/// The most bytes that decoding one picture or array may take.
const MOST_BYTES: u64 = 1 << 30;

/// Images as 8-bit pixels: axes image, row, column, channel. Arrays are taken as they are; of a picture the shorter
/// side is resized where `resize` says so, and then its centre of the size of `shape` is cut out. A network of one
/// channel sees a picture's luma, one of three channels its red, green and blue.
///
/// # Errors
/// Files that cannot be read, arrays of another type, pictures smaller than the shape.
pub(super) fn pixels(
    files: &ImageFiles,
    shape: FeatureMap,
    resize: Option<u32>,
) -> Result<Array4<u8>, Problems> {
    if files.are_pictures() {
        return pictures(&files.path, shape, resize);
    }
    let path = &files.path;
    let wanted = "u8, axes image, row, column, channel";
    let bytes = npy_bytes(path)?;
    if files.ends_in("npz") {
        return member(path, files.array.as_deref(), &bytes);
    }
    let array = npy_of_type::<u8, Ix4>(path, &bytes)?;
    array.ok_or_else(|| npy_problem(path, "its elements have another type", wanted))
}

/// An array of a npz file: the one named, or the only one.
fn member(path: &Path, name: Option<&str>, bytes: &[u8]) -> Result<Array4<u8>, Problems> {
    let npz = |cause: String| {
        let message = format!("cannot read `{}`: {cause}", path.display());
        let help = "give a npz file with an array of u8, axes image, row, column, channel";
        Problems::from(Problem::new("run::npz", message, help))
    };
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| npz(error.to_string()))?;
    let arrays = archive
        .file_names()
        .filter_map(|name| name.strip_suffix(".npy"));
    let mut names: Vec<String> = arrays.map(str::to_owned).collect();
    names.sort();
    let name = match (name, names.as_slice()) {
        (Some(name), _) => name.to_owned(),
        (None, [only]) => only.clone(),
        (None, []) => return Err(npz("it holds no array".to_owned())),
        (None, many) => {
            let many = many.join(", ");
            return Err(npz(format!(
                "it holds several arrays ({many}), and none is named"
            )));
        }
    };
    let failed = |cause: String| npz(format!("array `{name}`: {cause}"));
    let file = archive.by_name(&format!("{name}.npy"));
    let file = file.map_err(|error| failed(error.to_string()))?;
    let mut array = Vec::new();
    let read = file.take(MOST_BYTES).read_to_end(&mut array);
    read.map_err(|error| failed(error.to_string()))?;
    let pixels = npy_of_type::<u8, Ix4>(path, &array)?;
    pixels.ok_or_else(|| failed("its elements have another type".to_owned()))
}

fn pictures(path: &Path, shape: FeatureMap, resize: Option<u32>) -> Result<Array4<u8>, Problems> {
    let files = listed(path)?;
    if files.is_empty() {
        return Err(refused(path, "it names no PNG or JPEG image"));
    }
    let mut all = Array4::zeros((files.len(), shape.height, shape.width, shape.channels));
    for (file, mut into) in files.iter().zip(all.outer_iter_mut()) {
        let picture = decoded(file, shape.channels)?;
        let picture = match resize {
            Some(side) => resample::shorter_side(picture, side, MOST_BYTES).map_err(|bytes| {
                let cause = format!("with a shorter side of {side} pixels it takes {bytes} bytes");
                refused(file, &cause)
            })?,
            None => picture,
        };
        let (height, width, _) = picture.dim();
        let centre = resample::centre(&picture, shape.height, shape.width);
        let centre = centre.ok_or_else(|| {
            let cause = format!("it is {height}x{width}, smaller than the network's {shape}");
            refused(file, &cause)
        })?;
        into.assign(&centre);
    }
    Ok(all)
}

fn refused(path: &Path, cause: &str) -> Problems {
    let message = format!("cannot take pictures from `{}`: {cause}", path.display());
    let help = "give PNG or JPEG images of 8 bits a channel, a folder of them, or a text file with one path a line; `resize` scales them";
    Problem::new("run::picture", message, help).into()
}

/// The images of a folder by name, those that a text file lists, or the one image.
fn listed(path: &Path) -> Result<Vec<PathBuf>, Problems> {
    let failed = |error: std::io::Error| refused(path, &error.to_string());
    let is_picture = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default();
        ["png", "jpg", "jpeg"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    };
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(failed)?;
        let files = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut files = files.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        files.retain(is_picture);
        files.sort();
        return Ok(files);
    }
    if is_picture(&path.to_owned()) {
        return Ok(vec![path.to_owned()]);
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| folder.join(line)).collect())
}

/// Rows, columns and one or three channels of a picture.
fn decoded(path: &Path, channels: usize) -> Result<Array3<u8>, Problems> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);
    let bytes = std::fs::read(path).map_err(|error| refused(path, &error.to_string()))?;
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader.limits(limits);
    let reader = reader
        .with_guessed_format()
        .map_err(|error| refused(path, &error.to_string()))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(refused(path, "it is neither PNG nor JPEG"));
    }
    let picture = reader
        .decode()
        .map_err(|error| refused(path, &error.to_string()))?;
    channels_of(&picture, channels).ok_or_else(|| {
        let cause = format!(
            "its {:?} do not become {channels} channels of 8 bits",
            picture.color()
        );
        refused(path, &cause)
    })
}

/// Luma or red, green and blue of a picture of 8 bits a channel; transparency is left out.
fn channels_of(picture: &DynamicImage, channels: usize) -> Option<Array3<u8>> {
    let grey = match picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => true,
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => false,
        _ => return None,
    };
    let rgb = picture.to_rgb8();
    let (width, height) = (
        usize::try_from(rgb.width()).ok()?,
        usize::try_from(rgb.height()).ok()?,
    );
    let rgb = Array3::from_shape_vec((height, width, 3), rgb.into_raw()).ok()?;
    match channels {
        3 => Some(rgb),
        1 if grey => Some(rgb.slice_move(ndarray::s![.., .., 0..1])),
        1 => Some(
            rgb.map_axis(Axis(2), |pixel| luma(pixel[0], pixel[1], pixel[2]))
                .insert_axis(Axis(2)),
        ),
        _ => None,
    }
}

/// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) with factors of 16 bits, rounded to nearest.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471;
    u8::try_from((sum + 0x8000) >> 16).expect("the factors sum to 2^16")
}
