"""Typical texts of a service desk: they set the ranges for int8 and check conversions."""

import collections.abc
import pathlib

from retrieval.encoders import spec, tokenizing

TEXTS = (
    "Where is my parcel?",
    "I'd like to return these shoes, they don't fit :(",
    "refund",
    "订单什么时候发货？",
    "我想退货，怎么操作？",
    "請問可以開發票嗎？謝謝！",
    "我的 order 还没到，can you check 一下吗？",
    "Wi-Fi 密码忘了，help!!",
    "The coupon “SAVE10” doesn’t work, why?",
    "价格是 ¥1,299.00，还是 €160？",
    "Ｆｕｌｌ－ｗｉｄｔｈ　text １２３",
    "  too   many    spaces\tand a tab\nand a line  ",
)
LONGER = (
    "You can return anything within 30 days of delivery. Print the label from your account, "
    "put the article back in its box and drop it at any collection point; we refund the price "
    "and the original postage within five working days after it has reached our warehouse.",
    "收到商品后七天内可以无理由退货。请在“我的订单”里申请退货，打印退货单，把商品和配件一起装好，"
    "交给上门取件的快递员。仓库验收之后，退款会在三到五个工作日内原路退回。",
    "hallo, können Sie mir sagen wann die Bestellung Nr. 100-23-4 ankommt",
    "¿Puedo pagar con tarjeta o solo por transferencia?",
    "supprt hotline?? nobdy picks up the phoen since 2 hrs",
    "你好",
    "thanks, bye",
    "What is the capital of Australia, and who won the match yesterday?",
)


def token_ids(
    folder: pathlib.Path, texts: collections.abc.Sequence[str] = TEXTS + LONGER
) -> list[list[int]]:
    """Tokenise `texts` as questions, the way the model in `folder` wants them."""
    described = spec.read(folder)
    tokenizer = tokenizing.load(folder, described.max_length)
    prefixed = [described.prefix(spec.Side.QUERY) + text for text in texts]
    return [encoding.ids for encoding in tokenizer.encode_batch(prefixed)]
