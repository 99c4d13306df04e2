//! A layer, its golden tensors and what was observed.

use super::datapath::Datapath;
use super::order::Order;
use super::stored::Stored;
use super::{DiagnoseError, Element, Layout, Plan};
use crate::schedule::work::Pass;
use crate::tensor::{Activations, FeatureMap};
use ndarray::Array4;

/// The tensors of a comparison; axes image, row, column, channel.
#[derive(Debug, Clone, Copy)]
pub struct Tensors<'a> {
    /// The layer's input in the golden run.
    pub input: &'a Activations,
    /// The shortcut in the golden run, if the layer adds one.
    pub shortcut: Option<&'a Activations>,
    /// The layer's output in the golden run.
    pub golden: &'a Activations,
    /// The output observed; `None` where it is unknown or missing.
    pub observed: &'a Array4<Option<i32>>,
}

/// One comparison. The images of a fully connected layer are the pixels of one map inside, as on the array.
#[derive(Debug, Clone)]
pub struct Case {
    pub(super) plan: Plan,
    pub(super) layout: Layout,
    pub(super) input: Activations,
    pub(super) shortcut: Option<Activations>,
    pub(super) golden: Activations,
    pub(super) observed: Array4<Option<i32>>,
    /// By row group.
    pub(super) passes: Vec<Vec<Pass>>,
    pub(super) order: Order,
    pub(super) stored: Stored,
}

impl Case {
    /// Brings a layer and its tensors together.
    ///
    /// # Errors
    /// When the integers or the shapes of the tensors do not fit the layer.
    pub fn new(plan: Plan, tensors: Tensors<'_>, layout: Layout) -> Result<Self, DiagnoseError> {
        plan.check()?;
        let work = &plan.work;
        let images = tensors.golden.dim().0;
        let shape = |map: FeatureMap| {
            if plan.images_are_pixels {
                [1, map.height, map.width, map.channels]
            } else {
                [images, map.height, map.width, map.channels]
            }
        };
        let flat = plan.images_are_pixels;
        let (into, out) = (shape(work.input), shape(work.output));
        let shortcut = match (work.residual, tensors.shortcut) {
            (true, Some(shortcut)) => Some(shaped(shortcut, "shortcut", out, flat)?),
            (true, None) => {
                let (tensor, found) = ("shortcut", [0; 4]);
                return Err(DiagnoseError::Shape {
                    tensor,
                    found,
                    wanted: out,
                });
            }
            (false, _) => None,
        };
        let passes: Vec<Vec<Pass>> = (0..work.row_groups()).map(|r| work.passes(r)).collect();
        Ok(Self {
            input: shaped(tensors.input, "input", into, flat)?,
            shortcut,
            golden: shaped(tensors.golden, "golden output", out, flat)?,
            observed: shaped(tensors.observed, "observed output", out, flat)?,
            order: Order::new(&plan),
            stored: Stored::new(&plan, &passes),
            passes,
            layout,
            plan,
        })
    }

    /// The layer.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What of the array the layout of the RTL makes meaningful.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The element that a reader of the tensor knows: of a fully connected layer the pixel is the image.
    #[must_use]
    pub(super) fn outside(&self, [n, y, x, c]: [usize; 4]) -> Element {
        if self.plan.images_are_pixels {
            Element {
                image: x,
                row: 0,
                column: 0,
                channel: c,
            }
        } else {
            Element {
                image: n,
                row: y,
                column: x,
                channel: c,
            }
        }
    }

    /// The other way round; `None` when there is no such element.
    #[must_use]
    pub(super) fn inside(&self, e: Element) -> Option<[usize; 4]> {
        let at = if self.plan.images_are_pixels && e.row == 0 && e.column == 0 {
            [0, 0, e.image, e.channel]
        } else if self.plan.images_are_pixels {
            return None;
        } else {
            [e.image, e.row, e.column, e.channel]
        };
        self.golden.get(at).map(|_| at)
    }

    /// The datapath as it should be.
    pub(super) fn golden_datapath(&self) -> Datapath {
        Datapath::golden(&self.plan)
    }

    /// Row group of output channel `c`.
    pub(super) fn row_group_of(&self, c: usize) -> usize {
        let work = &self.plan.work;
        let (group, inner) = (c / work.group_outputs(), c % work.group_outputs());
        group * work.group_outputs().div_ceil(work.array.rows) + inner / work.array.rows
    }

    /// Array row of output channel `c`: its place in the row group.
    pub(super) fn array_row_of(&self, c: usize) -> usize {
        c % self.plan.work.group_outputs() % self.plan.work.array.rows
    }

    /// Elements that do not match, in memory order.
    pub(super) fn mismatches(&self) -> impl Iterator<Item = [usize; 4]> + '_ {
        self.pairs()
            .filter_map(|(at, differs)| differs.then_some(at))
    }

    /// Every element in memory order, and whether it does not match.
    pub(super) fn pairs(&self) -> impl Iterator<Item = ([usize; 4], bool)> + '_ {
        let golden = self.golden.indexed_iter();
        golden
            .zip(&self.observed)
            .map(|(((n, y, x, c), &g), &o)| ([n, y, x, c], o != Some(g)))
    }
}

/// A copy in row-major order whose shape is `wanted`; `flat` allows any split of the same elements.
fn shaped<T: Clone>(
    tensor: &Array4<T>,
    name: &'static str,
    wanted: [usize; 4],
    flat: bool,
) -> Result<Array4<T>, DiagnoseError> {
    let found: [usize; 4] = tensor.dim().into();
    let error = DiagnoseError::Shape {
        tensor: name,
        found,
        wanted,
    };
    let fits = if flat {
        found[0] == wanted[2] && found[1] * found[2] * found[3] == wanted[3]
    } else {
        found == wanted
    };
    if !fits {
        return Err(error);
    }
    let values: Vec<T> = tensor.iter().cloned().collect();
    Array4::from_shape_vec(wanted, values).map_err(|_| error)
}
