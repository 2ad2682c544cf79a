"""Export of a checkpoint as one ONNX file that is checked against PyTorch before it is written."""
