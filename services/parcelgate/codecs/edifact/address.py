"""Where something stands, in the words of the sender: tag, number of the segment in its message, element, component.

UNB/5            element 5 of the interchange header; segments outside messages have no number
UNG[2]/5         the second group of messages
DTM[3]/1.2       segment 3 of the message, as UNT counts (UNH is 1), element 1, component 2
CNI[9]/PCI[1=ZZZ]/2    what is missing in the group of segments that CNI, segment 9, began
#2/UNT[14]/1     the same in the second message of the interchange; the first goes without saying
"""


def of(tag: str, message: int, segment: int, element: int = 0, component: int = 0) -> str:
    """Write an address; message 0 is the interchange itself, element 0 the whole segment."""
    if message == 0:
        found = f"{tag}[{segment}]" if segment else tag
    else:
        found = f"{tag}[{segment}]" if message == 1 else f"#{message}/{tag}[{segment}]"
    if element:
        found += f"/{element}.{component}" if component else f"/{element}"
    return found
