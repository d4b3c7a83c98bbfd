"""Tables of points as spreadsheets write them, and sentences for what is not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenepose.errors import RequestError
from scenepose.predict.points import Row, read_points

ROWS = [Row("room.jpg", 640.5, 700), Row("Küche.jpg", 12, 3.25)]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"]
)
@pytest.mark.parametrize(
    "text",
    [
        "scene,x,y\nroom.jpg,640.5,700\nKüche.jpg,12,3.25\n",
        "scene;x;y\r\nroom.jpg;640,5;700\r\nKüche.jpg;12;3,25\r\n",
        "scene\tx\ty\nroom.jpg\t640,5\t700\nKüche.jpg\t12\t3,25\n",
        "scene|x|y\nroom.jpg|640.5|700\nKüche.jpg|12|3.25\n",
        "Scene,X,Y\nroom.jpg,640.5,700\nKüche.jpg,12,3.25",
        "scene, x, y\nroom.jpg, 640.5, 700\nKüche.jpg, 12, 3.25\n",
        "SCENE ; X ; Y\nroom.jpg ; 640,5 ; 700\nKüche.jpg ; 12 ; 3,25\n",
        "sep=;\r\nscene;x;y\r\nroom.jpg;640,5;700\r\nKüche.jpg;12;3,25\r\n",
        'scene,x,y\n"room.jpg","640,5","700"\n"Küche.jpg",12,"3,25"\n',
        "id,y,note,scene,x\n1,700,,room.jpg,640.5\n2,3.25,hello; you,Küche.jpg,12\n",
        "scene;x;y\r\nroom.jpg;640,5;700\r\n;;\r\n\r\nKüche.jpg;12;3,25\r\n;;\r\n",
        "scene,x,y\rroom.jpg,640.5,700\rKüche.jpg,12,3.25\r",
        "\n\nscene,x,y,,\nroom.jpg,640.5,700,,\nKüche.jpg,12,3.25,,\n",
        '"scene","x","y"\nroom.jpg,640.5,7e2\nKüche.jpg,12,3.25\n',
    ],
)  # fmt: skip
def test_tables_of_every_kind(text: str, encoding: str, tmp_path: Path) -> None:
    assert read_points(written(tmp_path / "p.csv", text, encoding)) == ROWS


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is empty: it lacks the columns scene, x, y"),
        ("\n\n", "is empty"),
        ("scene,x\n", "lacks the column 'y': its first line names 'scene', 'x', and it needs scene, x, y"),
        ("Bild;x;y\nroom.jpg;1;2\n", "lacks the column 'scene': its first line names 'Bild', 'x', 'y'"),
        ("room.jpg,10,20\n", "lacks the column 'scene': its first line names 'room.jpg', '10', '20'"),
        ("scene x y\n", "lacks the column 'scene': its first line names 'scene x y'"),
        ("scene,x,X,y\n", "has the column 'x' twice"),
        ("scene,x,y\na,b,c\n", "line 2 of .*: x is 'b', not a number"),
        ("scene,x,y\na,1,2\nb,1\n", "line 3 of .*: y is '', not a number"),
        ("sep=;\nscene;x;y\n\na;1;zwei\n", "line 4 of .*: y is 'zwei', not a number"),
        ("scene,x,y\n,1,2\n", "line 2 of .* names no scene"),
        (
            "scene,x,y\na,640,5,700\n",
            "line 2 of .* has 4 cells under 3 columns; a decimal comma needs quotes",
        ),
        ("scene;x;y\na;1.234,5;2\n", "x is '1.234,5', not a number"),
        (b"PK\x03\x04 and so on", "is a workbook or another archive, not a table as text; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
        (b"\x81\x8d\x8f", "is not text in UTF-8, UTF-16 or Windows-1252"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "is not a table of points but a binary file"),
        (b"scene,x,y\na,1,2\x00\n", "is not a table of points but a binary file"),
    ],
)
def test_what_is_wrong_is_one_sentence(content: str | bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "Punkte.CSV"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RequestError, match=complaint) as caught:
        read_points(path)
    assert "Punkte.CSV" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no table of points at .*gone.csv"):
        read_points(tmp_path / "gone.csv")
    with pytest.raises(RequestError, match="is a folder"):
        read_points(tmp_path)
    huge = written(tmp_path / "huge.csv", "scene,x,y\n" + "a" * 200_000 + ",1,2\n")
    with pytest.raises(RequestError, match=r"line 2 of .*huge\.csv cannot be taken apart"):
        read_points(huge)
