import stat

from animus_provider_command.output import Output


def test_short_output_needs_no_file(tmp_path):
    output = Output(tmp_path / "runs" / "o", limit=10)
    output.write(b"0123456789")
    output.close()
    assert (output.text(), output.truncated, output.file) == ("0123456789", False, None)
    assert list(tmp_path.iterdir()) == []


def test_long_output_keeps_its_end_and_is_complete_in_a_private_file(tmp_path):
    output = Output(tmp_path / "runs" / "o", limit=10)
    for piece in (b"01234", b"56789", b"ab\xff"):
        output.write(piece)
    output.close()
    assert (output.text(), output.truncated, output.total_bytes) == ("3456789ab\ufffd", True, 13)
    assert output.file.read_bytes() == b"0123456789ab\xff"
    assert stat.S_IMODE(output.file.stat().st_mode) == 0o600
    assert output.file_error is None


def test_output_without_a_place_says_so(tmp_path):
    output = Output(None, limit=2)
    output.write(b"abc")
    output.close()
    assert (output.text(), output.file, output.file_error) == ("bc", None, "the host named no place for it")


def test_file_that_cannot_be_made_costs_only_the_file(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    output = Output(tmp_path / "runs" / "o", limit=2)
    output.write(b"abc")
    output.write(b"def")
    output.close()
    assert (output.text(), output.file) == ("ef", None)
    assert output.file_error
