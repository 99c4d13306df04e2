//! A network in training form on a batch of images.

use super::conv::Kernel;
use super::map::{
    Reduce, adaptive, add, concat, global_mean, lookup, multiply, pool, relu, resize,
};
use super::narrow;
use crate::network::{Conv, Graph, Network, Node, NodeId, NodeParams, Op};
use ndarray::{Array4, Axis};

/// The output of `network` for `images` (image, row, column, channel), batch norms by their running statistics.
///
/// # Panics
/// When images or parameters do not have the shapes the graph says.
#[must_use]
pub fn forward(network: &Network, images: &Array4<f32>) -> Array4<f32> {
    forward_observed(network, images, &mut |_, _| {})
}

/// The same; `observe` sees the map of every node once, in order.
///
/// # Panics
/// As [`forward`].
pub fn forward_observed(
    network: &Network,
    images: &Array4<f32>,
    observe: &mut dyn FnMut(NodeId, &Array4<f32>),
) -> Array4<f32> {
    let mut maps = Maps::new(&network.graph);
    for (place, params) in network.params.nodes.iter().enumerate() {
        maps.step(place, params, images);
        let made = maps.maps.last().and_then(Option::as_ref);
        observe(NodeId(place), made.expect("it was made just now"));
    }
    maps.output()
}

/// The maps of a graph that are still to be read.
pub(super) struct Maps<'a> {
    graph: &'a Graph,
    last_reader: Vec<usize>,
    maps: Vec<Option<Array4<f32>>>,
}

impl<'a> Maps<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        let last = |readers: Vec<NodeId>| readers.last().map_or(0, |id| id.0);
        Self {
            graph,
            last_reader: graph.readers().into_iter().map(last).collect(),
            maps: Vec::new(),
        }
    }

    /// The map that node `place` reads first.
    pub(super) fn source(&self, place: usize) -> &Array4<f32> {
        self.input(place, 0)
    }

    fn input(&self, place: usize, number: usize) -> &Array4<f32> {
        let id = self.graph.nodes[place].inputs[number];
        self.maps[id.0].as_ref().expect("it is still to be read")
    }

    /// Makes the map of node `place`; nodes come in order.
    pub(super) fn step(&mut self, place: usize, params: &NodeParams, images: &Array4<f32>) {
        let node = &self.graph.nodes[place];
        let map = match node.op {
            Op::Input => images.clone(),
            Op::Conv(conv) => convolve(node, conv, params, self.source(place)),
            Op::BatchNorm { eps } => normalise(params, self.source(place), eps),
            Op::Relu => relu(self.source(place).clone()),
            Op::Lookup(function) => lookup(self.source(place).clone(), function),
            Op::Add => add(self.source(place).clone(), self.input(place, 1)),
            Op::Multiply => multiply(self.source(place).clone(), self.input(place, 1)),
            Op::Concat => {
                let inputs = 0..node.inputs.len();
                let maps: Vec<&Array4<f32>> = inputs.map(|i| self.input(place, i)).collect();
                concat(&maps)
            }
            Op::MaxPool(window) => pool(self.source(place), window, node.shape, Reduce::Max),
            Op::AvgPool(window) => pool(self.source(place), window, node.shape, Reduce::Mean),
            Op::GlobalAvgPool => global_mean(self.source(place)),
            Op::AdaptiveAvgPool { bins } => adaptive(self.source(place), bins),
            Op::Resize(target) => resize(self.source(place), target),
            Op::FullyConnected { outputs } => connect(outputs, params, self.source(place)),
        };
        for input in &node.inputs {
            if self.last_reader[input.0] == place {
                self.maps[input.0] = None;
            }
        }
        self.maps.push(Some(map));
    }

    fn output(mut self) -> Array4<f32> {
        let output = self.maps.pop().flatten();
        output.expect("the last map has no reader")
    }
}

fn convolve(node: &Node, conv: Conv, params: &NodeParams, x: &Array4<f32>) -> Array4<f32> {
    let NodeParams::Conv { weight, bias } = params else {
        panic!("node `{}` has no weights", node.name)
    };
    let kernel = Kernel::new(conv, weight.view(), bias.as_ref().map(|bias| bias.view()));
    kernel.run(x, node.shape.height, node.shape.width)
}

fn connect(outputs: usize, params: &NodeParams, x: &Array4<f32>) -> Array4<f32> {
    let NodeParams::FullyConnected { weight, bias } = params else {
        panic!("a fully connected layer has no weights")
    };
    let images = x.dim().0;
    let flat = (images, 1, 1, x.len() / images);
    let flat = x.to_shape(flat).expect("as many elements").into_owned();
    let weight = weight.view().insert_axis(Axis(1)).insert_axis(Axis(1));
    Kernel::new(Conv::square(outputs, 1), weight, Some(bias.view())).run(&flat, 1, 1)
}

fn normalise(params: &NodeParams, x: &Array4<f32>, eps: f64) -> Array4<f32> {
    let NodeParams::BatchNorm {
        gamma,
        beta,
        mean,
        var,
    } = params
    else {
        panic!("a batch norm has no statistics")
    };
    let factor = var.mapv(|var| narrow(1.0 / (f64::from(var) + eps).sqrt())) * gamma;
    (x - mean) * &factor + beta
}
