//! What a node computes, seen as one convolution of an earlier node, as far as it is one.
//!
//! A convolution, a batch norm and a sum of such branches over one input are all affine and local: each is a
//! [`Linear`] over a base node. This file says when two of them make one, and why not.

use super::report::Reason;
use crate::network::{Conv, NodeId};

/// How the parameters of one convolution come from those of the graph's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    /// The input itself.
    Identity,
    /// A convolution node.
    Conv(NodeId),
    /// A batch norm node after an expression.
    Norm(NodeId, Box<Expr>),
    /// Branches added in this order.
    Sum(Vec<Expr>),
}

/// A node's value as one convolution of a base node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Linear {
    /// The node it reads.
    pub base: NodeId,
    /// Its window; none reads each pixel and channel for itself.
    pub window: Option<Conv>,
    /// Its parameters.
    pub expr: Expr,
    /// Name of the layer it becomes.
    pub name: String,
}

impl Linear {
    /// The base itself.
    pub(super) fn identity(base: NodeId, name: &str) -> Self {
        Self {
            base,
            window: None,
            expr: Expr::Identity,
            name: name.to_owned(),
        }
    }

    /// The convolution it becomes; one without a window is depthwise 1x1 over `channels` channels.
    pub(super) fn conv(&self, channels: usize) -> Conv {
        self.window
            .unwrap_or(Conv::square(channels, 1).with_groups(channels))
    }

    /// The branches of a sum, or the one branch there is.
    pub(super) fn branches(&self) -> &[Expr] {
        match &self.expr {
            Expr::Sum(branches) => branches,
            one @ (Expr::Identity | Expr::Conv(_) | Expr::Norm(..)) => std::slice::from_ref(one),
        }
    }
}

/// The sum of two branches over one base, as a convolution named `name`.
pub(super) fn sum(left: &Linear, right: &Linear, name: String) -> Result<Linear, Reason> {
    let branches = [left.branches(), right.branches()].concat();
    Ok(Linear {
        base: left.base,
        window: join(left.window, right.window)?,
        expr: Expr::Sum(branches),
        name,
    })
}

/// The window in which both fit: the larger of the two.
fn join(left: Option<Conv>, right: Option<Conv>) -> Result<Option<Conv>, Reason> {
    match (left, right) {
        (None, None) => Ok(None),
        (Some(conv), None) | (None, Some(conv)) => {
            // The identity is a 1x1 convolution of stride 1 without padding, with any groups.
            let identity = Conv::square(conv.out_channels, 1).with_groups(conv.groups);
            embeds(identity, conv).map(|()| Some(conv))
        }
        (Some(a), Some(b)) => {
            let (small, large) = if a.kernel <= b.kernel { (a, b) } else { (b, a) };
            embeds(small, large).map(|()| Some(large))
        }
    }
}

/// Whether the small window is the centre of the large one.
fn embeds(small: Conv, large: Conv) -> Result<(), Reason> {
    let differ = |what, left: usize, right: usize| Reason::Attribute { what, left, right };
    if small.stride != large.stride {
        return Err(differ("stride", small.stride, large.stride));
    }
    if small.groups != large.groups {
        return Err(differ("groups", small.groups, large.groups));
    }
    if small.kernel > 1 && small.dilation != large.dilation {
        return Err(differ("dilation", small.dilation, large.dilation));
    }
    for kernel in [small.kernel, large.kernel] {
        if kernel.is_multiple_of(2) && small.kernel != large.kernel {
            return Err(Reason::EvenKernel { kernel });
        }
    }
    let ring = large.dilation * (large.kernel - small.kernel) / 2;
    if small.padding + ring != large.padding {
        return Err(Reason::Padding {
            small: small.kernel,
            large: large.kernel,
            padding: small.padding,
            large_padding: large.padding,
            ring,
        });
    }
    Ok(())
}

/// The longest run of whole name parts (between dots) that all names start with; empty when there is none.
pub(super) fn common_stem<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let Some(first) = names.next() else {
        return String::new();
    };
    let mut stem: Vec<&str> = first.split('.').collect();
    stem.pop();
    for name in names {
        let same = stem
            .iter()
            .zip(name.split('.'))
            .take_while(|(a, b)| *a == b);
        let length = same.count();
        stem.truncate(length);
    }
    stem.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_end_at_a_dot() {
        let names = [
            "stage1.0.rbr_dense.conv",
            "stage1.0.rbr_1x1.conv",
            "stage1.0.rbr_identity",
        ];
        assert_eq!(common_stem(names), "stage1.0");
        assert_eq!(common_stem(["conv_a", "conv_b"]), "");
        assert_eq!(common_stem(["block.conv1", "block.conv10"]), "block");
    }

    #[test]
    fn windows_join_around_one_centre() {
        let three = Conv::square(8, 3);
        let one = Conv::square(8, 1);
        assert_eq!(join(Some(one), Some(three)), Ok(Some(three)));
        assert_eq!(join(None, Some(three)), Ok(Some(three)));
        let five = Conv::square(8, 5);
        assert_eq!(join(Some(five), Some(three)), Ok(Some(five)));
        let wide = Conv {
            padding: 2,
            dilation: 2,
            ..three
        };
        assert_eq!(join(Some(wide), Some(one)), Ok(Some(wide)));
        assert_eq!(join(Some(wide), None), Ok(Some(wide)));
    }

    #[test]
    fn windows_that_do_not_join_say_why() {
        let three = Conv::square(8, 3);
        let strided = Conv::square(8, 1).with_stride(2);
        let attribute = |what, left, right| Err(Reason::Attribute { what, left, right });
        assert_eq!(join(Some(three), Some(strided)), attribute("stride", 2, 1));
        assert_eq!(
            join(None, Some(three.with_stride(2))),
            attribute("stride", 1, 2)
        );
        let grouped = Conv::square(8, 1).with_groups(2);
        assert_eq!(join(Some(grouped), Some(three)), attribute("groups", 2, 1));
        assert!(matches!(
            join(Some(Conv::square(8, 1).with_padding(1)), Some(three)),
            Err(Reason::Padding {
                padding: 1,
                large_padding: 1,
                ring: 1,
                ..
            })
        ));
        let even = Conv::square(8, 2);
        assert_eq!(
            join(Some(Conv::square(8, 1)), Some(even)),
            Err(Reason::EvenKernel { kernel: 2 })
        );
    }
}
