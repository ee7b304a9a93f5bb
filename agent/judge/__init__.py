"""From a measurement to a report: evidence, rules, causes and the verdict. Pure; nothing here touches the world."""
