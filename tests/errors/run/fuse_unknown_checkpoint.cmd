fuse
tests/import/timm-deploy.safetensors
[OUT].onnx
--size
28x28x3
