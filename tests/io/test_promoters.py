"""Promoters read and encoded: what stands where in the tokens, what is counted, and what is refused where."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.errors import ConfigError, InputError
from gxtool.io import promoter_table, promoters
from gxtool.io.promoter_encoding import DREAM_FIVE_PRIME, DREAM_THREE_PRIME, InsertRules, Tally
from gxtool.io.promoter_table import TableColumns
from gxtool.io.promoters import PromoterReader, PromoterSource

# Flanks of 3 and 2 bases, inserts of at most 6.
RULES = InsertRules("TTG", "CA", 6)
KEEP = InsertRules("TTG", "CA", 6, without_flanks="keep")
BARE = InsertRules("", "", 6)


def write(folder: Path, text: str | bytes, name: str = "promoters.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(path: Path, rules: InsertRules = RULES, **options) -> tuple[PromoterReader, dict]:
    """Return the exhausted reader and all blocks joined."""
    reader = PromoterReader(PromoterSource(path, rules, **options))
    blocks = list(reader)
    joined = {
        name: np.concatenate([getattr(block, name) for block in blocks])
        for name in ("tokens", "lengths", "values", "rows")
        if getattr(blocks[0], name) is not None
    }
    if blocks[0].sequences is not None:
        joined["sequences"] = pl.concat([block.sequences for block in blocks]).to_list()
    return reader, {**joined, "kept": pl.concat([block.kept for block in blocks]), "blocks": blocks}


def letters(tokens: np.ndarray) -> list[str]:
    return ["".join("ACGTN"[token] for token in row) for row in tokens]


def test_insert_stands_in_the_middle_with_the_larger_gap_on_the_right(tmp_path):
    path = write(tmp_path, "TTGACGCA\t11\nTTGACGTCA\t0.5\nTTGTCGATACA\t-1e-2\n")
    reader, found = read(path)
    assert letters(found["tokens"]) == ["NACGNN", "NACGTN", "TCGATA"]
    assert found["tokens"].dtype == np.uint8
    assert found["lengths"].tolist() == [3, 4, 6]
    assert found["lengths"].dtype == np.uint16
    assert found["values"].tolist() == [[11.0], [0.5], [-0.01]]
    assert found["rows"].tolist() == [0, 1, 2]
    assert reader.tally == Tally(read=3)


def test_flanks_are_found_by_content_whatever_length_and_case(tmp_path):
    _, found = read(write(tmp_path, "TTGACA\t1\nttgACca\t2\nTtGTTGCCa\t3\n"))
    assert letters(found["tokens"]) == ["NNANNN", "NNACNN", "NTTGCN"]


def test_sequence_without_both_flanks_is_refused_and_the_sentence_says_what_lacks(tmp_path):
    with pytest.raises(InputError) as error:
        read(write(tmp_path, "TTGACGCA\t1\nTTAACGTCA\t2\n"))
    assert str(error.value) == (
        f"{tmp_path}/promoters.txt, line 2: the sequence TTAACGTCA does not begin with TTG, expected both flanks "
        "(data.five_prime and data.three_prime; data.without_flanks=keep takes it whole)"
    )


@pytest.mark.parametrize(
    ("sequence", "fault"),
    [
        ("TTGACGTCC", "does not end with CA"),
        ("ACGTAC", "does not begin with TTG nor end with CA"),
        ("TTGA", "does not end with CA"),
        ("TTGC", "does not end with CA"),
    ],
)
def test_one_flank_is_not_enough(tmp_path, sequence, fault):
    with pytest.raises(InputError, match=f"line 1: the sequence {sequence} {fault}, expected both flanks"):
        read(write(tmp_path, f"{sequence}\t1\n"))


def test_flanks_that_overlap_are_no_two_flanks(tmp_path):
    with pytest.raises(InputError, match="does not hold both flanks beside each other"):
        read(write(tmp_path, "ATTA\t1\n"), InsertRules("ATT", "TTA", 6))


def test_sequence_without_flanks_is_kept_whole_and_counted_where_asked(tmp_path):
    reader, found = read(write(tmp_path, "TTGACGCA\t1\nACGTAC\t2\nTTGG\t3\n"), KEEP)
    assert letters(found["tokens"]) == ["NACGNN", "ACGTAC", "NTTGGN"]
    assert reader.tally == Tally(read=3, without_flanks=2)


def test_insert_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(InputError, match="line 2: the insert has 7 bases, expected at most 6 .data.too_long=trim cuts"):
        read(write(tmp_path, "TTGACGCA\t1\nTTGACGTACGCA\t2\n"))


def test_insert_that_is_too_long_loses_one_base_more_on_the_right_where_asked(tmp_path):
    path = write(tmp_path, "TTGACGTACGCA\t1\nTTGACGCA\t2\nTTGAACCGGTTACA\t3\n")
    reader, found = read(path, InsertRules("TTG", "CA", 6, too_long="trim"))
    assert letters(found["tokens"]) == ["ACGTAC", "NACGNN", "ACCGGT"]
    assert found["lengths"].tolist() == [6, 3, 6]
    assert reader.tally == Tally(read=3, trimmed=2)


def test_insert_that_is_too_long_is_left_out_and_counted_where_asked(tmp_path):
    path = write(tmp_path, "TTGACGCA\t1\nTTGACGTACGCA\t2\nTTGATCA\t3\n")
    reader, found = read(path, InsertRules("TTG", "CA", 6, too_long="drop"), with_sequences=True)
    assert letters(found["tokens"]) == ["NACGNN", "NNATNN"]
    assert found["values"].tolist() == [[1.0], [3.0]]
    assert found["rows"].tolist() == [0, 2]
    assert found["sequences"] == ["TTGACGCA", "TTGATCA"]
    assert reader.tally == Tally(read=3, dropped=1)


def test_small_letters_n_and_ambiguity_codes_are_counted_by_sequence(tmp_path):
    path = write(tmp_path, "TTGacgCA\t1\nTTGNACNCA\t2\nTTGRyKCA\t3\nTTGACGTCA\t4\n")
    reader, found = read(path)
    assert letters(found["tokens"]) == ["NACGNN", "NNACNN", "NNNNNN", "NACGTN"]
    assert reader.tally == Tally(read=4, lower_case=2, ambiguous=1, with_n=1)


def test_empty_flanks_are_not_looked_for(tmp_path):
    reader, found = read(write(tmp_path, "ACG\t1\nTTGAC\t2\n"), BARE)
    assert letters(found["tokens"]) == ["NACGNN", "TTGACN"]
    assert reader.tally == Tally(read=2)


def test_flanks_of_the_challenge_are_the_default(tmp_path):
    insert = "ACGT" * 20
    _, found = read(write(tmp_path, f"{DREAM_FIVE_PRIME}{insert}{DREAM_THREE_PRIME}\t3.25\n"), InsertRules())
    assert letters(found["tokens"]) == ["N" * 10 + insert + "N" * 10]
    assert (len(DREAM_FIVE_PRIME), len(DREAM_THREE_PRIME)) == (17, 13)


@pytest.mark.parametrize("text", ["TTGACGCA\nTTGATCA\n", "TTGACGCA\t?\nTTGATCA\t\n", "TTGACGCA\nTTGATCA"])
def test_second_column_is_not_needed_nor_looked_at_to_predict(tmp_path, text):
    _, found = read(write(tmp_path, text), with_values=False, with_sequences=True)
    assert letters(found["tokens"]) == ["NACGNN", "NNATNN"]
    assert found["blocks"][0].values is None
    assert found["sequences"] == ["TTGACGCA", "TTGATCA"]


def test_crlf_bom_gzip_and_a_last_line_without_end_change_nothing(tmp_path):
    plain = write(tmp_path, "TTGACGCA\t1\nTTGATCA\t2\n")
    other = write(tmp_path, gzip.compress(b"\xef\xbb\xbfTTGACGCA\t1\r\nTTGATCA\t2"), "other.txt.gz")
    first, second = read(plain)[1], read(other)[1]
    for name in ("tokens", "lengths", "values", "rows"):
        assert np.array_equal(first[name], second[name])


def test_sources_name_hash_and_size(tmp_path):
    reader, _ = read(write(tmp_path, "TTGACGCA\t1\n"))
    assert reader.sources == [
        {
            "name": "promoters.txt",
            "sha256": "2123070e55d54008174772565cb74cd6b6289172680e48e06a6a042103b208eb",
            "bytes": 11,
        }
    ]


BROKEN = [
    ("", ": is empty, expected promoters"),
    ("\n", ", line 1: is empty, expected 2"),
    ("TTGACGCA\t1\n\nTTGACGCA\t1\n", ", line 2: is empty, expected 2 columns (sequence, expression)"),
    ("TTGACGCA\t1\n\t1\n", ", line 2: is empty"),
    ("TTGCA\t1\n", ", line 1: found no base between the flanks, expected a sequence"),
    ("TTGACXCA\t1\n", ", line 1: found 'X' in the sequence, expected letters of DNA (A, C, G, T, N or RYSWKMBDHV)"),
    ("TTGACGCA\t1\nTTGAC-CA\t2\n", ", line 2: found '-' in the sequence, expected letters of DNA"),
    ("MKVLAT\t1\n", ", line 1: found 'L' in the sequence, expected letters of DNA"),
    ("TTGACGCA\t1\nTTGACGCA\tabc\n", ", line 2: column 2 (expression): found abc, expected a finite number"),
    ("TTGACGCA\t1\nTTGACGCA\tnan\n", ", line 2: column 2 (expression): found nan, expected a finite number"),
    ("TTGACGCA\tinf\n", ", line 1: column 2 (expression): found inf, expected a finite number"),
    ("TTGACGCA\t1e999\n", ", line 1: column 2 (expression): found 1e999, expected a finite number"),
    ("TTGACGCA\t1\nTTGACGCA\t\n", ", line 2: column 2 (expression): found nothing, expected a finite number"),
    ("TTGACGCA\t1\nTTGACGCA\t1,5\n", ", line 2: column 2 (expression): found 1,5, expected a finite number"),
    ("TTGACGCA\n", ", line 1: has 1 column, expected 2 (sequence and expression, with a tab between)"),
    ("TTGACGCA,1\n", ", line 1: has 1 column, expected 2 (sequence and expression, with a tab between)"),
    ("TTGACGCA\t1\t2\n", ", line 1: has 3 columns, expected 2"),
    ("TTGACGCA\t1\nTTGACGCA\n", ", line 2: has 1 column, expected 2 columns (sequence, expression)"),
    ("TTGACGCA\t1\nTTGACGCA\t1\t2\n", ", line 2: has 3 columns, expected 2 columns (sequence, expression)"),
    ("sequence\texpression\nTTGACGCA\t1\n", ", line 1: found 'sequence\\texpression', a header or no DNA"),
    ("TTGACGCA\t1\nTT\x00ACGCA\t1\n", ", line 2: holds bytes that are no text"),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=[sentence[:60] for _, sentence in BROKEN])
def test_broken_file_is_refused_with_its_place(tmp_path, text, sentence):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}{sentence}")
    assert "\n" not in str(error.value)


def test_damaged_gzip_is_refused(tmp_path):
    whole = gzip.compress(b"TTGACGCA\t1\n" * 2000)
    with pytest.raises(InputError, match=r"cut\.gz: the gzip stream ends too early"):
        read(write(tmp_path, whole[:-20], "cut.gz"))
    with pytest.raises(InputError, match="is not a sound gzip file"):
        read(write(tmp_path, b"TTGACGCA\t1\n", "no.gz"))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="absent.txt: cannot be read"):
        read(tmp_path / "absent.txt")


def test_line_is_counted_over_all_blocks_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(promoter_table.text_blocks, "__defaults__", (64,))
    path = write(tmp_path, "TTGACGCA\t1\n" * 100 + "TTGACGCA\toops\n" + "TTGACGCA\t1\n" * 100)
    with pytest.raises(InputError, match="line 101: column 2"):
        read(path)


def test_blocks_are_in_order_and_number_the_sequences_of_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(promoter_table.text_blocks, "__defaults__", (50,))
    inserts = ["A" * (1 + number % 6) for number in range(300)]
    path = write(tmp_path, "".join(f"TTG{insert}CA\t{n}\n" for n, insert in enumerate(inserts)))
    reader, found = read(path)
    assert len(found["blocks"]) > 20
    assert found["rows"].tolist() == list(range(300))
    assert found["values"][:, 0].tolist() == list(range(300))
    assert found["lengths"].tolist() == [len(insert) for insert in inserts]
    assert reader.tally == Tally(read=300)


def test_file_is_read_only_a_few_blocks_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr(promoter_table.text_blocks, "__defaults__", (50,))
    taken = []
    split = promoters.split_fields
    monkeypatch.setattr(promoters, "split_fields", lambda *given: taken.append(1) or split(*given))
    blocks = iter(PromoterReader(PromoterSource(write(tmp_path, "TTGACGCA\t1\n" * 900), RULES)))
    for _ in range(5):
        next(blocks)
    assert len(taken) <= 5 + 3
    blocks.close()


# Tables with a header

MPRA = "seq_id\tseq\tmean_value\tfold\nseq1_F\tTTGACGCA\t-0.551\t0\nseq1_Reversed\tTTGCGTCA\t2.25\t8\n"
MPRA_COLUMNS = TableColumns("seq", ("mean_value",), ("seq_id", "fold"))


def test_columns_of_a_table_with_header_are_found_by_name(tmp_path):
    _, found = read(write(tmp_path, MPRA), columns=MPRA_COLUMNS)
    assert letters(found["tokens"]) == ["NACGNN", "NCGTNN"]
    assert found["values"].tolist() == [[-0.551], [2.25]]
    assert found["kept"].to_dict(as_series=False) == {
        "seq_id": ["seq1_F", "seq1_Reversed"],
        "fold": ["0", "8"],
    }


def test_several_targets_stand_in_the_order_asked_for(tmp_path):
    text = "set,Sequence,Dev,Hk\nTrain,ACGT,1.5,-2\nTest,TTA,0.25,4\n"
    columns = TableColumns("Sequence", ("Hk", "Dev"), ("set",))
    _, found = read(write(tmp_path, text), BARE, columns=columns)
    assert letters(found["tokens"]) == ["NACGTN", "NTTANN"]
    assert found["values"].tolist() == [[-2.0, 1.5], [4.0, 0.25]]


def test_line_of_a_table_with_header_counts_the_header(tmp_path):
    with pytest.raises(InputError, match="line 3: column 3 .mean_value.: found oops"):
        read(write(tmp_path, MPRA.replace("2.25", "oops")), columns=MPRA_COLUMNS)


def test_column_that_is_not_there_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(InputError, match="line 1: has no column 'mean_val', did you mean mean_value?"):
        read(write(tmp_path, MPRA), columns=TableColumns("seq", ("mean_val",)))


def test_column_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="line 1: has two columns 'seq'"):
        read(write(tmp_path, MPRA.replace("fold", "seq")), columns=TableColumns("seq", ("mean_value",)))


def test_header_and_nothing_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no sequence"):
        list(PromoterReader(PromoterSource(write(tmp_path, MPRA.split("\n")[0] + "\n"), RULES, MPRA_COLUMNS)))


def test_columns_without_that_of_the_sequence_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="the column of sequences is not named but others are"):
        read(write(tmp_path, MPRA), columns=TableColumns("", ("mean_value",)))


def test_values_that_are_wanted_and_not_named_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no column of values is named"):
        read(write(tmp_path, MPRA), columns=TableColumns("seq"))


def test_header_without_values_is_enough_to_predict(tmp_path):
    _, found = read(write(tmp_path, "seq\nACG\n"), BARE, columns=TableColumns("seq"), with_values=False)
    assert letters(found["tokens"]) == ["NACGNN"]


# FASTA

FASTA = ">one first of two\nTTGAC\nGCA\n>two\nTTGATCA\n"


def test_fasta_takes_values_by_id_in_any_order(tmp_path):
    table = write(tmp_path, "two\t2.5\t-1\none\t1\t7\nelse\t0\t0\n", "values.tsv")
    reader, found = read(write(tmp_path, FASTA, "promoters.fa"), table=table)
    assert letters(found["tokens"]) == ["NACGNN", "NNATNN"]
    assert found["values"].tolist() == [[1.0, 7.0], [2.5, -1.0]]
    assert found["kept"]["id"].to_list() == ["one", "two"]
    assert [source["name"] for source in reader.sources] == ["promoters.fa", "values.tsv"]


def test_columns_of_the_table_beside_fasta_are_found_by_name(tmp_path):
    table = write(tmp_path, "id,a,b\ntwo,2.5,-1\none,1,7\n", "values.csv")
    _, found = read(write(tmp_path, FASTA), columns=TableColumns(values=("b",)), table=table)
    assert found["values"].tolist() == [[7.0], [-1.0]]


def test_fasta_alone_is_enough_to_predict(tmp_path):
    _, found = read(write(tmp_path, gzip.compress(FASTA.encode()), "p.fa.gz"), with_values=False, with_sequences=True)
    assert found["sequences"] == ["TTGACGCA", "TTGATCA"]


@pytest.mark.parametrize(
    ("fasta", "table", "sentence"),
    [
        (FASTA, None, "is FASTA without a table of values"),
        (FASTA, "one\t1\n", "id two has no value in"),
        (FASTA, "one\t1\none\t2\n", "id one stands there twice"),
        (FASTA, "one\t1\ntwo\tx\n", "values.tsv, line 2: column 2 .value 1.: found x, expected a finite number"),
        (FASTA, "one\n", "values.tsv, line 1: has 1 column, expected an id and its value"),
        (FASTA, "", "values.tsv: is empty"),
        (">one\nTTGACGCA\n>two\n", "one\t1\ntwo\t1\n", "sequence 2: is empty"),
        (">one\nTTGAXCA\n", "one\t1\n", "sequence 1: found 'X' in the sequence"),
        ("> \nTTGACA\n", "one\t1\n", "line 1: has no id after >"),
    ],
)
def test_broken_fasta_is_refused(tmp_path, fasta, table, sentence):
    values = None if table is None else write(tmp_path, table, "values.tsv")
    with pytest.raises(InputError, match=sentence):
        read(write(tmp_path, fasta), table=values)


def test_table_of_values_without_fasta_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="goes with FASTA"):
        read(write(tmp_path, "TTGACGCA\t1\n"), table=tmp_path / "values.tsv")


# Parquet

FRAME = pl.DataFrame({"id": [7, 8], "seq": ["TTGACGCA", "TTGATCA"], "a": [1.5, -2.0], "b": [3, 4]})


def parquet(folder: Path, frame: pl.DataFrame = FRAME) -> Path:
    frame.write_parquet(folder / "promoters.parquet")
    return folder / "promoters.parquet"


def test_columns_of_parquet_are_found_by_name(tmp_path):
    columns = TableColumns("seq", ("b", "a"), ("id",))
    reader, found = read(parquet(tmp_path), columns=columns, with_sequences=True)
    assert letters(found["tokens"]) == ["NACGNN", "NNATNN"]
    assert found["values"].tolist() == [[3.0, 1.5], [4.0, -2.0]]
    assert found["sequences"] == ["TTGACGCA", "TTGATCA"]
    assert found["kept"]["id"].to_list() == ["7", "8"]
    assert reader.sources[0]["name"] == "promoters.parquet"


@pytest.mark.parametrize(
    ("frame", "columns", "error", "sentence"),
    [
        (FRAME, TableColumns(), ConfigError, "is Parquet, expected the names of its columns"),
        (FRAME, TableColumns("seg", ("a",)), InputError, "has no column 'seg', did you mean seq?"),
        (FRAME, TableColumns("a", ("b",)), InputError, "column a holds Float64, expected text"),
        (FRAME, TableColumns("seq", ("seq",)), InputError, "column seq holds String, expected numbers"),
        (
            FRAME.with_columns(a=pl.Series([1, None])),
            TableColumns("seq", ("a",)),
            InputError,
            "row 2: column a: found nan",
        ),
        (
            FRAME.with_columns(seq=pl.Series(["TTGACA", None])),
            TableColumns("seq", ("a",)),
            InputError,
            "row 2: is empty",
        ),
        (FRAME[:0], TableColumns("seq", ("a",)), InputError, "holds no sequence"),
    ],
)
def test_broken_parquet_is_refused(tmp_path, frame, columns, error, sentence):
    with pytest.raises(error, match=sentence):
        list(PromoterReader(PromoterSource(parquet(tmp_path, frame), RULES, columns)))


def test_damaged_parquet_is_refused(tmp_path):
    path = write(tmp_path, parquet(tmp_path).read_bytes()[:200], "cut.parquet")
    with pytest.raises(InputError, match="cut.parquet: cannot be read as Parquet"):
        read(path, columns=TableColumns("seq", ("a",)))


# Any sequences and values

SEQUENCES = st.text(alphabet="ACGTNacgtnRYk", min_size=1, max_size=9)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-20, 20).map(float)


def plainly(sequence: str, rules: InsertRules) -> str:
    """Encode one sequence letter by letter, trimming what is too long."""
    upper = sequence.upper()
    if upper.startswith(rules.five_prime) and upper.endswith(rules.three_prime) and len(sequence) > 5:
        upper = upper[len(rules.five_prime) : len(upper) - len(rules.three_prime)]
    excess = max(0, len(upper) - rules.length)
    upper = upper[excess // 2 : len(upper) - (excess - excess // 2)]
    gap = rules.length - len(upper)
    known = "".join(letter if letter in "ACGT" else "N" for letter in upper)
    return "N" * (gap // 2) + known + "N" * (gap - gap // 2)


@settings(max_examples=60)
@given(st.lists(st.tuples(SEQUENCES, st.booleans(), NUMBERS), min_size=1, max_size=30))
def test_any_sequences_and_numbers_are_read_as_they_stand(tmp_path_factory, rows):
    rules = InsertRules("TTG", "CA", 6, without_flanks="keep", too_long="trim")
    lines = [(f"TTG{sequence}CA" if flanked else sequence, value) for sequence, flanked, value in rows]
    path = write(tmp_path_factory.mktemp("any"), "".join(f"{text}\t{value!r}\n" for text, value in lines))
    reader, found = read(path, rules)
    assert letters(found["tokens"]) == [plainly(text, rules) for text, _ in lines]
    assert found["values"][:, 0].tolist() == [value for _, value in lines]
    assert reader.tally.read == len(lines)


@pytest.mark.parametrize("option", [{"five_prime": "TTN"}, {"three_prime": "ac"}, {"length": 0}, {"length": 70_000}])
def test_rules_that_cannot_be_are_refused(option):
    with pytest.raises(ConfigError, match=next(iter(option))):
        InsertRules(**option)
