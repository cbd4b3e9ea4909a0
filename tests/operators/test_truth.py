"""A sample and a full batch measured by expected labels, through the operators on the engine."""

from __future__ import annotations

from typing import Any

import pytest
from operators.bad_files import Files

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError, OutputCheckError, SampleFailedError

HEAD = b"file".hex()
"""What the model answers for a file that begins so."""


def test_labels_measure_a_sample_and_a_full_batch(media: Any, connection: Any, conn_id: str) -> None:
    files = Files(media, connection, conn_id)
    files.write(4)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    with pytest.raises(InvalidInputError, match=r"min_accuracy=0\.5 cannot be checked without labels="):
        files.sample("one", manifest, plan, min_accuracy="0.5")
    with pytest.raises(InvalidInputError, match=r"labels='MEDIA\.PUBLIC\.NOT_THERE' cannot be read"):
        files.sample("one", manifest, plan, labels="MEDIA.PUBLIC.NOT_THERE")
    assert not files.jobs(), "a mistake costs no job"
    values = f"('f000', '{HEAD}'), ('f002.bin', 'deadbeef'), ('f003.bin', '{HEAD}'), ('f777', 'x')"
    labels = {"labels": f"SELECT COLUMN1 AS FILE, COLUMN2 AS LABEL FROM VALUES {values}"}
    with pytest.raises(SampleFailedError, match=r"accuracy: 66\.7%: 2 of 3 predictions of head are right \(min_acc"):
        files.sample("one", manifest, plan, sample_size=4, min_accuracy=0.9, **labels)
    report = SampleReport.from_xcom(files.sample("one", manifest, plan, sample_size=4, min_accuracy="0.6", **labels))
    truth = report.truth
    assert truth is not None
    assert (report.passed, truth.files, truth.labelled, truth.right, truth.min_accuracy) == (True, 4, 3, 2, 0.6)
    assert report.preview[0][manifest["file_columns"][0]].endswith("f002.bin"), "a wrong prediction is shown first"
    assert SampleReport.from_xcom(report.to_xcom()) == report
    with pytest.raises(OutputCheckError, match=r"is whole, and did not pass:\n- accuracy: 66\.7%"):
        files.full("one", manifest, plan, report.to_xcom(), min_accuracy=0.7, **labels)
    assert set(files.states().values()) == {"done"}
    result = BatchResult.from_xcom(files.full("one", manifest, plan, report.to_xcom(), min_accuracy=0.6, **labels))
    assert result.truth == truth
    assert result.adopted
    with pytest.raises(InvalidInputError, match=r"min_agreement=0\.5 cannot be checked without compare_with="):
        files.sample("one", manifest, plan, min_agreement=0.5)
    first = files.sample("one", manifest, plan, sample_size=4, compare_with="previous", min_agreement="0.9")
    assert (first["comparison"]["files"], first["comparison"]["compared"]) == (4, 0)
    with pytest.raises(SampleFailedError, match="agreement with version V0: none of the 4 files has a result of it"):
        files.sample("one", manifest, plan, sample_size=4, compare_with="V0", min_agreement=0.9)
    assert files.jobs() == {"DONE": 2}
