//! A layer graph as stable text, to read and to compare: one line a layer, no figure without its unit.

use super::{Activation, Layer, LayerGraph, LayerOp, TensorId};
use crate::network::{Conv, Pool, Resize};
use std::fmt::{self, Write};

const HEAD: &str = "\
# One line a layer, in execution order: number, name, operator and its attributes.
# kernel, stride, padding and dilation are in pixels. t0 is the network's input, t<n + 1> the output of layer n.
# input and output are height x width x channels of one image; macs are multiply-accumulates of one image;
# parameters are weights and biases.
";

impl LayerGraph {
    /// The graph as text that ends in a newline: a head that explains it, a line of totals, a line a layer.
    ///
    /// ```text
    /// graph repvgg-mini form=deploy input=28x28x1 layers=11 macs=12684800 parameters=366058
    /// layer 9 gap global_avg_pool reads=t9 output=1x1x128 macs=0 parameters=0
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        self.write(&mut text)
            .expect("writing to a String never fails");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "graph {} form={} input={} layers={} macs={} parameters={}",
            self.name,
            self.form,
            self.input,
            self.layers.len(),
            self.macs(),
            self.parameters()
        )?;
        for (id, layer) in self.ids().zip(&self.layers) {
            write!(out, "layer {} {} ", id.0, layer.name)?;
            operator(out, &layer.op)?;
            writeln!(
                out,
                " reads={} output={} macs={} parameters={}",
                reads(layer),
                layer.output,
                self.layer_macs(id),
                self.layer_parameters(id)
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for TensorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

fn operator(out: &mut String, op: &LayerOp) -> fmt::Result {
    match op {
        LayerOp::Conv { conv, activation } => {
            let Conv {
                out_channels: _,
                kernel,
                stride,
                padding,
                dilation,
                groups,
            } = conv;
            write!(
                out,
                "conv kernel={kernel} stride={stride} padding={padding} dilation={dilation} groups={groups} \
                 activation={}",
                word(*activation)
            )
        }
        LayerOp::FullyConnected {
            outputs,
            activation,
        } => {
            let activation = word(*activation);
            write!(
                out,
                "fully_connected outputs={outputs} activation={activation}"
            )
        }
        LayerOp::Lookup(function) => write!(out, "lookup function={}", function.key()),
        LayerOp::Add { activation } => write!(out, "add activation={}", word(*activation)),
        LayerOp::Multiply { activation } => {
            write!(out, "multiply activation={}", word(*activation))
        }
        LayerOp::Concat => out.write_str("concat"),
        LayerOp::MaxPool(pool) => window(out, "max_pool", pool),
        LayerOp::AvgPool(pool) => window(out, "avg_pool", pool),
        LayerOp::GlobalAvgPool => out.write_str("global_avg_pool"),
        LayerOp::AdaptiveAvgPool { bins } => write!(out, "adaptive_avg_pool bins={bins}"),
        LayerOp::Resize(Resize {
            height: _,
            width: _,
            corners,
        }) => write!(out, "resize corners={}", corners.key()),
    }
}

fn window(out: &mut String, name: &str, pool: &Pool) -> fmt::Result {
    let Pool {
        kernel,
        stride,
        padding,
    } = pool;
    write!(
        out,
        "{name} kernel={kernel} stride={stride} padding={padding}"
    )
}

const fn word(activation: Activation) -> &'static str {
    match activation {
        Activation::None => "none",
        Activation::Relu => "relu",
        Activation::Relu6 => "relu6",
    }
}

fn reads(layer: &Layer) -> String {
    let tensors: Vec<String> = layer.inputs.iter().map(ToString::to_string).collect();
    tensors.join(",")
}

#[cfg(test)]
mod tests {
    use crate::network::builtin;
    use crate::reparam::{Branches, fold_graph};
    use crate::tensor::FeatureMap;

    fn text(name: &str) -> String {
        let graph = builtin::graph(name, FeatureMap::new(8, 8, 1)).unwrap();
        fold_graph(&graph, Branches::Fuse).unwrap().text()
    }

    #[test]
    fn a_fused_network_is_a_line_a_layer() {
        insta::assert_snapshot!(text("repvgg-mini"), @"
        # One line a layer, in execution order: number, name, operator and its attributes.
        # kernel, stride, padding and dilation are in pixels. t0 is the network's input, t<n + 1> the output of layer n.
        # input and output are height x width x channels of one image; macs are multiply-accumulates of one image;
        # parameters are weights and biases.
        graph repvgg-mini form=deploy input=8x8x1 layers=11 macs=968960 parameters=366058
        layer 0 stage0 conv kernel=3 stride=1 padding=1 dilation=1 groups=1 activation=relu reads=t0 output=8x8x16 macs=9216 parameters=160
        layer 1 stage1.0 conv kernel=3 stride=2 padding=1 dilation=1 groups=1 activation=relu reads=t1 output=4x4x32 macs=73728 parameters=4640
        layer 2 stage1.1 conv kernel=3 stride=1 padding=1 dilation=1 groups=1 activation=relu reads=t2 output=4x4x32 macs=147456 parameters=9248
        layer 3 stage2.0 conv kernel=3 stride=2 padding=1 dilation=1 groups=1 activation=relu reads=t3 output=2x2x64 macs=73728 parameters=18496
        layer 4 stage2.1 conv kernel=3 stride=1 padding=1 dilation=1 groups=1 activation=relu reads=t4 output=2x2x64 macs=147456 parameters=36928
        layer 5 stage2.2 conv kernel=3 stride=1 padding=1 dilation=1 groups=1 activation=relu reads=t5 output=2x2x64 macs=147456 parameters=36928
        layer 6 stage2.3 conv kernel=3 stride=1 padding=1 dilation=1 groups=1 activation=relu reads=t6 output=2x2x64 macs=147456 parameters=36928
        layer 7 stage3.0 conv kernel=3 stride=2 padding=1 dilation=1 groups=1 activation=relu reads=t7 output=1x1x128 macs=73728 parameters=73856
        layer 8 stage3.1 conv kernel=3 stride=1 padding=1 dilation=1 groups=1 activation=relu reads=t8 output=1x1x128 macs=147456 parameters=147584
        layer 9 gap global_avg_pool reads=t9 output=1x1x128 macs=0 parameters=0
        layer 10 linear fully_connected outputs=10 activation=none reads=t10 output=1x1x10 macs=1280 parameters=1290
        ");
    }

    #[test]
    fn additions_show_both_tensors() {
        let text = text("resnet-mini");
        let additions: Vec<&str> = (text.lines())
            .filter(|line| line.contains(" add "))
            .take(2)
            .collect();
        insta::assert_snapshot!(additions.join("\n"), @"
        layer 3 layer1.0.add add activation=relu reads=t3,t1 output=8x8x16 macs=0 parameters=0
        layer 7 layer2.0.add add activation=relu reads=t7,t5 output=4x4x32 macs=0 parameters=0
        ");
    }
}
