"""Writes a binary STL again as ASCII STL, OBJ and 3MF, for measuring readers. Needs numpy.

usage: make_formats.py FILE.stl [FACETS]     writes FILE.ascii.stl, FILE.obj, FILE.3mf
"""
import io
import sys
import zipfile

import numpy as np

RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
BLOCK = 1 << 16
CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Target="/3D/3dmodel.model" Id="model" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def lines(pattern, rows):
    """Each row in the pattern; a block at a time, because Python's own loop is slow."""
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        yield (pattern * len(block)) % tuple(block.ravel().tolist())


def write_ascii(path, facets):
    pattern = (
        "facet normal %.6e %.6e %.6e\n outer loop\n"
        + "  vertex %.8e %.8e %.8e\n" * 3
        + " endloop\nendfacet\n"
    )
    rows = np.concatenate([facets["normal"], facets["corners"].reshape(-1, 9)], axis=1)
    with open(path, "w") as file:
        file.write("solid measured\n")
        file.writelines(lines(pattern, rows))
        file.write("endsolid measured\n")


def write_obj(path, vertices, numbers):
    with open(path, "w") as file:
        file.writelines(lines("v %.7g %.7g %.7g\n", vertices))
        file.writelines(lines("f %d %d %d\n", numbers + 1))


def write_3mf(path, vertices, numbers):
    text = io.StringIO()
    text.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xmlns="{CORE}">')
    text.write('<resources><object id="1" type="model"><mesh><vertices>\n')
    text.writelines(lines('<vertex x="%.7g" y="%.7g" z="%.7g"/>\n', vertices))
    text.write("</vertices><triangles>\n")
    text.writelines(lines('<triangle v1="%d" v2="%d" v3="%d"/>\n', numbers))
    text.write('</triangles></mesh></object></resources><build><item objectid="1"/></build></model>\n')
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("_rels/.rels", RELATIONS)
        archive.writestr("3D/3dmodel.model", text.getvalue())


def main():
    source = sys.argv[1]
    facets = np.fromfile(source, RECORD, offset=84)
    if len(sys.argv) > 2:
        facets = facets[: int(sys.argv[2])]
    vertices, numbers = np.unique(facets["corners"].reshape(-1, 3), axis=0, return_inverse=True)
    stem = source.removesuffix(".stl")
    write_ascii(stem + ".ascii.stl", facets)
    write_obj(stem + ".obj", vertices, numbers.reshape(-1, 3))
    write_3mf(stem + ".3mf", vertices, numbers.reshape(-1, 3))


main()
