//! Results that would be lost: two of them in one file, or one in a file that is read.

use crate::problem::Problem;
use crate::study::{NetworkEntry, Source, Study, WeightSource};
use std::path::{Path, PathBuf};

/// That each of `outputs` has a file of its own, and none of them is one of `inputs`.
///
/// # Errors
/// `run::same_file`: the first file that would hold two things.
pub(super) fn distinct(outputs: &[PathBuf], inputs: &[PathBuf]) -> Result<(), Problem> {
    let inputs: Vec<PathBuf> = inputs.iter().map(|path| place(path)).collect();
    let mut seen: Vec<PathBuf> = Vec::new();
    for output in outputs.iter().filter(|output| !is_device(output)) {
        let (shown, place) = (output.display(), place(output));
        let message = if inputs.contains(&place) {
            format!("`{shown}` is read, and would be written over")
        } else if seen.contains(&place) {
            format!("two results would be written to `{shown}`")
        } else {
            seen.push(place);
            continue;
        };
        let help = "give each result a file of its own";
        return Err(Problem::new("run::same_file", message, help));
    }
    Ok(())
}

/// Study, weights and images that `entries` of a study read.
pub(super) fn read_by<'a>(
    file: &Path,
    study: &Study,
    entries: impl IntoIterator<Item = &'a NetworkEntry>,
) -> Vec<PathBuf> {
    let mut paths = vec![file.to_owned()];
    paths.extend(study.chips.iter().cloned());
    for entry in entries {
        match &entry.source {
            Source::Model { path, .. }
            | Source::Builtin {
                weights: Some(WeightSource::File(path)),
                ..
            } => paths.push(path.clone()),
            Source::Builtin {
                weights: Some(WeightSource::Seed(_)) | None,
                ..
            } => {}
        }
        if let Some(images) = &entry.images {
            let optional = [&images.labels, &images.logits];
            paths.extend(optional.into_iter().flatten().cloned());
            let pictures = images.test.iter().chain(&images.calibration);
            paths.extend(pictures.map(|files| files.path.clone()));
        }
    }
    paths
}

/// One name for each file, however it is written, and whether or not it is there.
fn place(path: &Path) -> PathBuf {
    if let Ok(place) = path.canonicalize() {
        return place;
    }
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => place(folder).join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// A device or a pipe takes any number of results.
fn is_device(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| !found.is_file() && !found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("read"), "x").unwrap();
        std::os::unix::fs::symlink(at("read"), at("link")).unwrap();
        let told = |outputs: &[&str]| {
            let outputs: Vec<PathBuf> = outputs.iter().map(|name| at(name)).collect();
            distinct(&outputs, &[at("read")]).map_err(|problem| problem.code)
        };
        assert_eq!(told(&["a", "b", "new/c"]), Ok(()));
        for clash in [
            ["a", "./a"],
            ["a", "read"],
            ["link", "a"],
            ["new/a", "new/./a"],
        ] {
            assert_eq!(told(&clash), Err("run::same_file"), "{clash:?}");
        }
        let null = PathBuf::from("/dev/null");
        assert_eq!(distinct(&[null.clone(), null], &[]), Ok(()));
    }
}
