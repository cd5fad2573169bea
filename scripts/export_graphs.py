"""Write model.onnx into the folders of the models that ship with the package, from their weights.

python scripts/export_graphs.py
"""

from asheard.models.folder import load_transcriber
from asheard.models.onnx_export import write_graph
from asheard.recognition.registry import SHIPPED
from asheard.recognition.runtime import GRAPH


def main() -> None:
    """Write the graphs and print their sizes."""
    for name, folder in SHIPPED.items():
        write_graph(load_transcriber(folder, "cpu"), folder)
        print(f"{name}: {(folder / GRAPH).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
