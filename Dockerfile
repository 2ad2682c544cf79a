# The web page and its API: docker build -t digitrec . && docker run --rm -p 8000:8000 digitrec
# Nothing of PyTorch is installed: the server reads with ONNX Runtime.
FROM python:3.13-slim AS build
WORKDIR /build
RUN pip install --no-cache-dir build
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY digitrec digitrec
RUN python -m build --wheel

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
# What the server imports; tests/web/test_container.py compares it. The wheel's other dependencies are for training.
RUN pip install --no-cache-dir aiohttp numpy onnxruntime pillow pyyaml
COPY --from=build /build/dist/*.whl /tmp/
RUN pip install --no-cache-dir --no-deps /tmp/*.whl && rm /tmp/*.whl && useradd --system digitrec
USER digitrec
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# A numeric address is accepted in requests; add --allowed-host NAME for the name of a proxy.
ENTRYPOINT ["python", "-m", "digitrec.web", "--host", "0.0.0.0"]
