"""From a trained torch encoder to ONNX, and the proof that both give the same vectors."""
