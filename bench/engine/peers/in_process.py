"""A peer that runs in its interpreter, as a long-lived server would have it.

usage: in_process.py trimesh|meshlib FILE

Imports first and says "ready"; measures when told to by a line on its input; answers with one line
of JSON. So neither the start of the interpreter nor the imports count.
"""
import json
import sys
import time


def trimesh_peer():
    import networkx  # noqa: F401  trimesh looks for it while it works
    import scipy.sparse.csgraph  # noqa: F401
    import trimesh

    def measure(path):
        mesh = trimesh.load(path, force="mesh")
        return {
            "volume": float(mesh.volume),
            "area": float(mesh.area),
            "box": mesh.extents.tolist(),
            "closed": bool(mesh.is_watertight and mesh.is_winding_consistent),
            "shells": int(mesh.body_count),
        }

    return measure


def meshlib_peer():
    import meshlib.mrmeshpy as mm

    def measure(path):
        mesh = mm.loadMesh(path)
        box = mesh.computeBoundingBox()
        return {
            "volume": mesh.volume(),
            "area": mesh.area(),
            "box": [box.max.x - box.min.x, box.max.y - box.min.y, box.max.z - box.min.z],
            "closed": bool(mesh.topology.isClosed()) and mesh.topology.findNumHoles() == 0,
            "shells": int(mm.MeshComponents.getNumComponents(mm.MeshPart(mesh))),
        }

    return measure


def main():
    name, path = sys.argv[1:]
    measure = {"trimesh": trimesh_peer, "meshlib": meshlib_peer}[name]()
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    numbers = measure(path)
    numbers["total_s"] = time.perf_counter() - start
    print(json.dumps(numbers), flush=True)


main()
